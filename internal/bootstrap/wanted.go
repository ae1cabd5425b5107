package bootstrap

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	deployed "out_opensearch_irsa/deploy/opensearch"
)

// wanted says what the domain shall have.
type wanted struct {
	index            string // what the names of indexes begin with
	role, roleARN    string
	noRole           bool
	shards, replicas int
	retention        string // as OpenSearch writes times
	warm, dataStream bool
	readers          list // backend roles that may read
	deleteOlder      bool // delete indexes of days beyond the retention
	collection       bool // of OpenSearch Serverless: of all this, AWS lists index templates for it ("serverless-genref" of the guide)
}

// shippedIndex is the name that the files are written for.
const shippedIndex = "eks-log"

func defaults(getenv func(string) string) wanted {
	return wanted{
		index: cmp.Or(getenv("INDEX_NAME"), shippedIndex), roleARN: getenv("FLUENT_BIT_ROLE_ARN"),
		shards: 1, replicas: 1, retention: "30d",
	}
}

var (
	indexName = regexp.MustCompile(`^[a-z0-9][a-z0-9_.-]{0,199}$`)
	roleName  = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)
	roleARN   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+$`)
	session   = regexp.MustCompile(`^arn:(aws[a-z-]*):sts::(\d{12}):assumed-role/([^/]+)/`)
)

// check finds what cannot be meant.
func (w wanted) check() error {
	switch {
	case strings.Contains(w.index, "%"):
		return fmt.Errorf("cannot use -index %q: write what comes before the date, such as %s; "+
			"the templates are for every date", w.index, shippedIndex)
	case !indexName.MatchString(w.index):
		return fmt.Errorf("cannot use -index %q: write lower case letters, digits, '-', '_' and "+
			"'.', such as %s", w.index, shippedIndex)
	case w.shards < 1 || w.shards > 1024:
		return fmt.Errorf("cannot use -shards %d: write a number from 1 to 1024", w.shards)
	case w.replicas < 0 || w.replicas > 10:
		return fmt.Errorf("cannot use -replicas %d: write a number from 0 to 10", w.replicas)
	case w.warm && w.dataStream:
		return fmt.Errorf("cannot use -warm with -data-stream: edit " +
			"deploy/opensearch/ism-policy-data-stream.json and put it yourself")
	}
	if _, err := age(w.retention); err != nil {
		return err
	}
	for _, reader := range w.readers {
		if reader == "" || reader == "*" {
			return fmt.Errorf("cannot use -reader %q: write the ARN of an IAM role, or the name "+
				"of a backend role", reader)
		}
	}
	if w.collection {
		return w.checkCollection()
	}
	if w.noRole {
		return nil
	}
	if !roleName.MatchString(w.role) {
		return fmt.Errorf("cannot use -role %q: write letters, digits, '-', '_' and "+
			"'.', such as %s-writer", w.role, w.index)
	}
	if w.role == "all_access" || w.role == "security_manager" {
		return fmt.Errorf("cannot use -role %s: Fluent Bit's role needs to write logs and "+
			"nothing else; write a name of its own, such as %s-writer", w.role, w.index)
	}
	if m := session.FindStringSubmatch(w.roleARN); m != nil {
		return fmt.Errorf("cannot use -role-arn %q: that is a session; write the role, "+
			"arn:%s:iam::%s:role/%s (with its path, if it has one)", w.roleARN, m[1], m[2], m[3])
	}
	if !roleARN.MatchString(w.roleARN) {
		return fmt.Errorf("cannot use -role-arn %q: write the ARN of the IAM role of Fluent "+
			"Bit's pods, such as arn:aws:iam::123456789012:role/fluent-bit, "+
			"or set FLUENT_BIT_ROLE_ARN; -no-role leaves the mapping to somebody else", w.roleARN)
	}
	return nil
}

// checkCollection refuses what a collection has policies of its own for.
func (w wanted) checkCollection() error {
	for flag, given := range map[string]bool{"-warm": w.warm, "-data-stream": w.dataStream,
		"-delete-older": w.deleteOlder} {
		if given {
			return fmt.Errorf("cannot use %s with a Serverless collection: its lifecycle policy "+
				"(deploy/iam/serverless-lifecycle.json) alone says when data goes", flag)
		}
	}
	if len(w.readers) > 0 {
		return fmt.Errorf("cannot use -reader with a Serverless collection: write who may read " +
			"into its data access policy, deploy/iam/serverless-data-access.json")
	}
	return nil
}

var ageForm = regexp.MustCompile(`^(\d+)(d|h|m)$`)

// age reads a time as OpenSearch writes it.
func age(s string) (time.Duration, error) {
	m := ageForm.FindStringSubmatch(s)
	if m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n > 0 && n < 100_000 {
			return time.Duration(n) * map[string]time.Duration{"d": 24 * time.Hour, "h": time.Hour,
				"m": time.Minute}[m[2]], nil
		}
	}
	return 0, fmt.Errorf("cannot use -retention %q: write a number of days, hours or minutes, "+
		"such as 30d or 36h", s)
}

type object = map[string]any

// body is a shipped file with this domain's names.
func (w wanted) body(file string) (object, error) {
	text, err := deployed.Files.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read a shipped file: %w", err)
	}
	text = bytes.ReplaceAll(text, []byte(shippedIndex), []byte(w.index))
	text = bytes.ReplaceAll(text, []byte("${FLUENT_BIT_ROLE_ARN}"), []byte(w.roleARN))
	var o object
	if err := json.Unmarshal(text, &o); err != nil {
		return nil, fmt.Errorf("cannot read the shipped file %q: %w", file, err)
	}
	return o, nil
}

// template is an index template with the shards that are wanted. A collection manages shards and
// storage itself: it gets the mapping.
func (w wanted) template(file string) (object, error) {
	o, err := w.body(file)
	if err != nil {
		return nil, err
	}
	if w.collection {
		delete(o["template"].(object), "settings")
		o["priority"] = o["priority"].(float64) + 30*w.longer()
		return o, nil
	}
	index := o["template"].(object)["settings"].(object)["index"].(object)
	index["number_of_shards"], index["number_of_replicas"] = strconv.Itoa(w.shards),
		strconv.Itoa(w.replicas)
	o["priority"] = o["priority"].(float64) + 30*w.longer()
	return o, nil
}

// longer is by how much the name is longer than the shipped one. Where eks-log and eks-log-staging
// are on one domain, the patterns of the first match the second's indexes: the longer name has the
// higher priority, as the server demands.
func (w wanted) longer() float64 { return float64(len(w.index) - len(shippedIndex)) }

// readerRole is the security role of people who look at these indexes and no others, and its
// mapping.
func (w wanted) readerRole() (role, mapping object) {
	backend := []any{}
	for _, reader := range w.readers {
		backend = append(backend, reader)
	}
	role = object{
		"description":         "Reads " + w.index + "*",
		"cluster_permissions": []any{"cluster_composite_ops_ro"},
		"index_permissions": []any{object{
			"index_patterns": []any{w.index + "*"}, "allowed_actions": []any{"read", "indices:admin/mappings/get", "indices:admin/get", "indices:admin/resolve/index"},
		}},
		"tenant_permissions": []any{object{"tenant_patterns": []any{"global_tenant"}, "allowed_actions": []any{"kibana_all_read"}}},
	}
	return role, object{"backend_roles": backend}
}

// policy is a lifecycle policy that deletes at the age that is wanted.
func (w wanted) policy(file string) (object, error) {
	o, err := w.body(file)
	if err != nil {
		return nil, err
	}
	retention, err := age(w.retention)
	if err != nil {
		return nil, err
	}
	policy := o["policy"].(object)
	for _, t := range policy["ism_template"].([]any) {
		t.(object)["priority"] = t.(object)["priority"].(float64) + 10*w.longer()
	}
	policy["description"] = strings.ReplaceAll(policy["description"].(string), "30 days",
		w.retention)
	var kept []any
	states := policy["states"].([]any)
	for _, s := range states {
		state := s.(object)
		short := false
		for _, t := range state["transitions"].([]any) {
			transition := t.(object)
			conditions, _ := transition["conditions"].(object)
			if transition["state_name"] == "delete" {
				for name := range conditions {
					conditions[name] = w.retention
				}
				continue
			}
			// What is deleted within the week is not worth merging or moving.
			if text, ok := conditions["min_index_age"].(string); ok {
				if until, err := age(text); err == nil && until >= retention {
					transition["state_name"], conditions["min_index_age"], short = "delete",
						w.retention, true
				}
			}
		}
		kept = append(kept, state)
		if short {
			kept = append(kept, states[len(states)-1])
			break
		}
	}
	policy["states"] = kept
	return o, nil
}

// savedObjects are the lines for Dashboards with this domain's names.
func (w wanted) savedObjects() ([]byte, error) {
	text, err := deployed.Files.ReadFile("dashboards.ndjson")
	if err != nil {
		return nil, fmt.Errorf("cannot read a shipped file: %w", err)
	}
	return bytes.ReplaceAll(text, []byte(shippedIndex), []byte(w.index)), nil
}
