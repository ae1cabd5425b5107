package localaws

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Policy is a lifecycle policy that the plugin's parser would take.
type Policy struct {
	Description  *string         `json:"description"`
	DefaultState string          `json:"default_state"`
	States       []*PolicyState  `json:"states"`
	Templates    json.RawMessage `json:"ism_template"`
	templates    []ismTemplate
}

// PolicyState is one of its states.
type PolicyState struct {
	Name        string                       `json:"name"`
	Actions     []map[string]json.RawMessage `json:"actions"`
	Transitions []struct {
		State      string            `json:"state_name"`
		Conditions map[string]string `json:"conditions,omitempty"`
	} `json:"transitions"`
}

type ismTemplate struct {
	Patterns []string `json:"index_patterns"`
	Priority int      `json:"priority"`
	Updated  int      `json:"last_updated_time"`
}

// ismActions are the actions and their fields; those with an exclamation mark have to be there.
var ismActions = map[string]string{
	"delete": "", "read_only": "", "read_write": "", "open": "", "close": "", "warm_migration": "",
	"force_merge": "max_num_segments!", "index_priority": "priority!", "replica_count": "number_of_replicas!",
	"rollover": "min_size min_doc_count min_index_age min_primary_shard_size copy_alias",
}

var (
	ismTime = regexp.MustCompile(`^\d+(nanos|micros|ms|s|m|h|d)$`)
	ismSize = regexp.MustCompile(`^[1-9]\d*(b|kb|mb|gb|tb|pb)$`)
)

// CheckPolicy takes the body of a request that puts a policy as the plugin's parser takes it, or says what is wrong.
func CheckPolicy(body []byte) (*Policy, error) {
	var wrapped struct {
		Policy *Policy `json:"policy"`
	}
	d := json.NewDecoder(strings.NewReader(string(body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&wrapped); err != nil {
		return nil, fmt.Errorf("cannot parse the policy: %w", err)
	}
	p := wrapped.Policy
	switch {
	case p == nil:
		return nil, fmt.Errorf("the policy is not in an object policy")
	case p.Description == nil:
		return nil, fmt.Errorf("description is null")
	case len(p.States) == 0:
		return nil, fmt.Errorf("Policy must contain at least one State")
	}
	names := map[string]bool{}
	for _, s := range p.States {
		if s.Name == "" || names[s.Name] {
			return nil, fmt.Errorf("state %q has no name of its own", s.Name)
		}
		names[s.Name] = true
	}
	if !names[p.DefaultState] {
		return nil, fmt.Errorf("Policy must have a valid default state")
	}
	for _, s := range p.States {
		if err := s.check(names); err != nil {
			return nil, fmt.Errorf("state %s: %w", s.Name, err)
		}
	}
	return p, p.parseTemplates()
}

func (s *PolicyState) check(names map[string]bool) error {
	deletes := false
	for _, a := range s.Actions {
		kinds := slices.DeleteFunc(slices.Collect(maps.Keys(a)), func(k string) bool { return k == "retry" || k == "timeout" })
		if len(kinds) != 1 {
			return fmt.Errorf("an action has the kinds %v", kinds)
		}
		if deletes {
			return fmt.Errorf("must not contain an action after a delete action")
		}
		deletes = kinds[0] == "delete"
		if err := checkAction(kinds[0], a); err != nil {
			return err
		}
	}
	if deletes && len(s.Transitions) > 0 {
		return fmt.Errorf("cannot contain transitions if using delete action")
	}
	for _, t := range s.Transitions {
		if !names[t.State] {
			return fmt.Errorf("a transition points to a nonexistent state %q", t.State)
		}
		if len(t.Conditions) > 1 {
			return fmt.Errorf("Cannot provide more than one Transition condition") //nolint:staticcheck // the plugin's own words
		}
		for name, value := range t.Conditions {
			if (name != "min_index_age" && name != "min_rollover_age") || !ismTime.MatchString(value) {
				return fmt.Errorf("condition %s %q", name, value)
			}
		}
	}
	return nil
}

func checkAction(kind string, action map[string]json.RawMessage) error {
	allowed, known := ismActions[kind]
	if !known {
		return fmt.Errorf("Invalid field: [%s] found in Actions", kind) //nolint:staticcheck // the plugin's own words
	}
	var fields map[string]any
	if err := json.Unmarshal(action[kind], &fields); err != nil || fields == nil {
		return fmt.Errorf("action %s is no object", kind)
	}
	known = true
	for _, f := range strings.Fields(allowed) {
		name, required := strings.CutSuffix(f, "!")
		v, there := fields[name]
		text, _ := v.(string)
		switch {
		case required && !there:
			return fmt.Errorf("action %s has no %s", kind, name)
		case !there:
		case strings.HasSuffix(name, "_age"):
			known = ismTime.MatchString(text)
		case strings.HasSuffix(name, "_size"):
			known = ismSize.MatchString(text)
		case name != "copy_alias":
			n, isNumber := v.(float64)
			known = isNumber && n >= 0
		}
		if !known {
			return fmt.Errorf("action %s has %s %v", kind, name, v)
		}
		delete(fields, name)
	}
	if len(fields) > 0 {
		return fmt.Errorf("action %s has the unknown fields %v", kind, fields)
	}
	return nil
}

func (p *Policy) parseTemplates() error {
	if len(p.Templates) == 0 || string(p.Templates) == "null" {
		return nil
	}
	if p.Templates[0] != '[' {
		p.Templates = append(append(json.RawMessage{'['}, p.Templates...), ']')
	}
	d := json.NewDecoder(strings.NewReader(string(p.Templates)))
	d.DisallowUnknownFields()
	if err := d.Decode(&p.templates); err != nil {
		return fmt.Errorf("cannot parse ism_template: %w", err)
	}
	for _, t := range p.templates {
		if len(t.Patterns) == 0 || t.Priority < 0 {
			return fmt.Errorf("ism_template with the patterns %v and the priority %d", t.Patterns, t.Priority)
		}
	}
	return nil
}

// stored is the policy as it is read again: with what the plugin adds.
func (p *Policy) stored(name string) json.RawMessage {
	for _, s := range p.States {
		for _, a := range s.Actions {
			if a["retry"] == nil {
				a["retry"] = json.RawMessage(`{"count":3,"backoff":"exponential","delay":"1m"}`)
			}
			if a["rollover"] != nil && !strings.Contains(string(a["rollover"]), "copy_alias") {
				a["rollover"] = json.RawMessage(strings.TrimSuffix(string(a["rollover"]), "}") + `,"copy_alias":false}`)
			}
		}
	}
	for i := range p.templates {
		p.templates[i].Updated = 1764000000000
	}
	text, _ := json.Marshal(map[string]any{
		"policy_id": name, "description": p.Description, "last_updated_time": 1764000000000, "schema_version": 21, "error_notification": nil,
		"default_state": p.DefaultState, "states": p.States, "ism_template": p.templates,
	})
	return text
}
