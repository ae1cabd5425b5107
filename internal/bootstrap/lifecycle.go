package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"out_opensearch_irsa/internal/command"
)

// serverFields are what index state management adds to a policy. It also gives each action its
// default retries.
var serverFields = map[string]bool{
	"policy_id": true, "last_updated_time": true, "schema_version": true, "error_notification": true, "user": true, "retry": true,
}

const policyOf = "index.plugins.index_state_management.policy_id"

// putPolicies makes the lifecycle policies, and has the indexes that are there already follow them.
func (d *domain) putPolicies(ctx context.Context, w wanted) error {
	type policy struct{ name, file, indexes string }
	// A data stream has a policy of its own, and its dead letters the usual one.
	policies := []policy{{w.index, "ism-policy.json", w.index + "-*"}}
	if w.warm {
		policies[0].file = "ism-policy-warm.json"
	}
	if w.dataStream {
		policies = append(policies, policy{w.index +
			"-data-stream", "ism-policy-data-stream.json", ".ds-" + w.index + "-*"})
	}
	for _, p := range policies {
		want, err := w.policy(p.file)
		if err != nil {
			return err
		}
		o := d.put(ctx, resource{path: "/_plugins/_ism/policies/" +
			p.name, want: want, in: policyIn, added: serverFields})
		if missing := (*noHandlerError)(nil); errors.As(o.err, &missing) {
			d.report("lifecycle policy "+p.name,
				outcome{did: "skipped", note: "this server has no Index State Management, so nothing deletes old indexes: install opensearch-index-management, or delete them yourself"})
			return nil
		}
		d.report("lifecycle policy "+p.name, o)
		if o.err == nil && (!d.dryRun || o.did == "unchanged") {
			d.report("indexes under it", d.attach(ctx, p.name, p.indexes, o.did == "changed"))
		}
	}
	return nil
}

// policyIn finds the policy in an answer. To replace it, one has to say which version one has seen.
func policyIn(answer object) (object, string) {
	policy, ok := answer["policy"].(object)
	if !ok {
		return nil, ""
	}
	seen := url.Values{"if_seq_no": {number(answer["_seq_no"])},
		"if_primary_term": {number(answer["_primary_term"])}}
	return object{"policy": policy}, seen.Encode()
}

func number(v any) string {
	f, _ := v.(float64)
	return fmt.Sprintf("%.0f", f)
}

// attach has indexes that follow no policy follow this one, and those that follow it follow its new
// version. Whoever follows another one goes on doing so.
func (d *domain) attach(ctx context.Context, policy, indexes string, changed bool) outcome {
	answer, err := d.json(ctx, http.MethodGet, "/_plugins/_ism/explain/"+indexes, "", nil)
	if err != nil {
		return outcome{err: err}
	}
	var free, ours, others []string
	for _, name := range slices.Sorted(maps.Keys(answer)) {
		index, ok := answer[name].(object)
		if !ok {
			continue // the count
		}
		switch index[policyOf] {
		case nil, "":
			free = append(free, name)
		case policy:
			ours = append(ours, name)
		default:
			others = append(others, name)
		}
	}
	var notes []string
	did := "unchanged"
	say := func(names []string, what string) {
		if len(names) > 0 {
			notes = append(notes, fmt.Sprintf("%d %s", len(names), what))
		}
	}
	say(others, "follow another policy and were left alone")
	if d.dryRun {
		say(free, "would be put under it")
		if len(free) > 0 {
			did = "would be changed"
		}
		return outcome{did: did, note: strings.Join(notes, ", ")}
	}
	say(free, "put under it")
	if changed {
		say(ours, "follow its new version")
	}
	if err := d.each(ctx, "/_plugins/_ism/add/", free, policy); err != nil {
		return outcome{err: err}
	}
	if changed {
		if err := d.each(ctx, "/_plugins/_ism/change_policy/", ours, policy); err != nil {
			return outcome{err: err}
		}
	}
	if len(free) > 0 || changed && len(ours) > 0 {
		did = "changed"
	}
	return outcome{did: did, note: strings.Join(notes, ", ")}
}

// each sends a request about indexes, with so many of their names at a time as fit into a path.
func (d *domain) each(ctx context.Context, path string, names []string, policy string) error {
	progress := command.Progress{Out: d.errOut, What: "indexes"}
	progress.Start(len(names))
	for some := range slices.Chunk(names, 20) {
		answer, err := d.json(ctx, http.MethodPost, path+strings.Join(some, ","), "",
			object{"policy_id": policy})
		if err != nil {
			return err
		}
		failed, _ := answer["failed_indices"].([]any)
		if len(failed) > 0 {
			first, _ := failed[0].(object)
			return fmt.Errorf("%d of %d indexes do not follow the policy; %v: %v", len(failed),
				len(some), first["index_name"], first["reason"])
		}
		progress.Add(len(some))
	}
	return nil
}

// deleteOlder deletes indexes of days that the retention is over for. Index state management goes
// by when an index was made: those that a first install makes for the days of old files would be
// kept for as long again.
func (d *domain) deleteOlder(ctx context.Context, w wanted) error {
	if !w.deleteOlder {
		return nil
	}
	retention, err := age(w.retention)
	if err != nil {
		return err
	}
	step := "indexes of days over " + w.retention + " ago"
	answer, err := d.json(ctx, http.MethodGet, "/"+w.index+"-*/_alias", "expand_wildcards=all", nil)
	if err != nil {
		d.report(step, outcome{err: err})
		return nil
	}
	var old []string
	for _, name := range slices.Sorted(maps.Keys(answer)) {
		if isOlder(name, w.index, time.Now().Add(-retention)) {
			old = append(old, name)
		}
	}
	switch {
	case len(old) == 0:
		d.report(step, outcome{did: "unchanged"})
		return nil
	case d.dryRun:
		d.report(step, outcome{did: "would be deleted", note: strings.Join(old, ", ")})
		return nil
	}
	progress := command.Progress{Out: d.errOut, What: "indexes"}
	progress.Start(len(old))
	for some := range slices.Chunk(old, 20) {
		if _, err := d.json(ctx, http.MethodDelete, "/"+strings.Join(some, ","), "",
			nil); err != nil {
			d.report(step, outcome{err: err})
			return nil
		}
		progress.Add(len(some))
	}
	d.report(step, outcome{did: "deleted", note: strings.Join(old, ", ")})
	return nil
}

// isOlder tells whether an index of this prefix is of a day that ended before then; a name without
// a date never is.
func isOlder(name, prefix string, then time.Time) bool {
	date, ok := strings.CutPrefix(name, prefix+"-")
	if !ok {
		return false
	}
	day, err := time.Parse("2006.01.02", strings.TrimSuffix(date, "-dead-letter"))
	return err == nil && !day.AddDate(0, 0, 1).After(then)
}
