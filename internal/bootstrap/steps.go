package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// putAll does every step but Dashboards' one. An error means that a shipped file is no good; a step
// that fails is reported.
func (d *domain) putAll(ctx context.Context, w wanted) error {
	if w.collection {
		return d.putTemplates(ctx, w)
	}
	for _, step := range []func(context.Context, wanted) error{d.putTemplates, d.putPolicies,
		d.deleteOlder, d.putRole, d.putReader} {
		if err := step(ctx, w); err != nil {
			return err
		}
	}
	return nil
}

func (d *domain) putTemplates(ctx context.Context, w wanted) error {
	type template struct{ name, file string }
	templates := []template{{w.index, "index-template.json"},
		{w.index + "-dead-letter", "dead-letter-template.json"}}
	if w.dataStream {
		templates = append(templates, template{w.index +
			"-data-stream", "index-template-data-stream.json"})
	}
	for _, t := range templates {
		want, err := w.template(t.file)
		if err != nil {
			return err
		}
		d.report("index template "+t.name, d.put(ctx, resource{
			path: "/_index_template/" + t.name, want: want,
			added: map[string]bool{"timestamp_field": true},
			in: func(answer object) (object, string) {
				list, _ := answer["index_templates"].([]any)
				if len(list) != 1 {
					return nil, ""
				}
				have, _ := list[0].(object)["index_template"].(object)
				return have, ""
			},
			note: "it holds for indexes that are made from now on",
		}))
	}
	if w.dataStream {
		d.report("data stream "+w.index, d.putDataStream(ctx, w.index))
	}
	return nil
}

// putDataStream makes the data stream, so that the writer needs no permission for that.
func (d *domain) putDataStream(ctx context.Context, name string) outcome {
	there, err := d.json(ctx, http.MethodGet, "/_resolve/index/"+name, "", nil)
	if err != nil {
		return outcome{err: err}
	}
	if list, _ := there["data_streams"].([]any); len(list) > 0 {
		return outcome{did: "unchanged"}
	}
	for _, kind := range []string{"indices", "aliases"} {
		if list, _ := there[kind].([]any); len(list) > 0 {
			return outcome{err: fmt.Errorf("the name is taken by one of the server's %s: delete "+
				"or reindex that, or take another -index (and INDEX_NAME)", kind)}
		}
	}
	if d.dryRun {
		return outcome{did: "would be created"}
	}
	_, err = d.json(ctx, http.MethodPut, "/_data_stream/"+name, "", nil)
	return outcome{did: "created", err: err}
}

// putRole makes the writer's role, and lets the IAM role have it besides whoever has it already.
func (d *domain) putRole(ctx context.Context, w wanted) error {
	if w.noRole {
		return nil
	}
	role, err := w.body("role.json")
	if err != nil {
		return err
	}
	mapping, err := w.body("role-mapping.json")
	if err != nil {
		return err
	}
	d.putRoleAndMapping(ctx, w.role, role, mapping)
	return nil
}

// putReader makes the role of those who look at the logs, if there are any.
func (d *domain) putReader(ctx context.Context, w wanted) error {
	if len(w.readers) > 0 {
		role, mapping := w.readerRole()
		d.putRoleAndMapping(ctx, w.index+"-reader", role, mapping)
	}
	return nil
}

func (d *domain) putRoleAndMapping(ctx context.Context, name string, role, mapping object) {
	byName := func(answer object) (object, string) {
		have, _ := answer[name].(object)
		return have, ""
	}
	o := d.put(ctx, resource{path: "/_plugins/_security/api/roles/" + name, want: role, in: byName})
	if missing := (*noHandlerError)(nil); errors.As(o.err, &missing) {
		d.report("role "+name, outcome{did: "skipped", note: "this domain has no fine-grained " +
			"access control: its access policy alone says who may write"})
		return
	}
	d.report("role "+name, o)
	path := "/_plugins/_security/api/rolesmapping/" + name
	answer, err := d.json(ctx, http.MethodGet, path, "", nil)
	if err != nil {
		d.report("role mapping "+name, outcome{err: err})
		return
	}
	have, _ := byName(answer)
	note := merge(mapping, have)
	// The names in a mapping are a set.
	sorted := func(answer object) (object, string) {
		o, _ := byName(answer)
		sortNames(o)
		return o, ""
	}
	sortNames(mapping)
	d.report("role mapping "+name,
		d.put(ctx, resource{path: path, want: mapping, in: sorted, note: note}))
}

// merge adds to a mapping what the server's has already, and says what that is.
func merge(mapping, have object) (note string) {
	ours, _ := mapping["backend_roles"].([]any)
	for _, field := range []string{"backend_roles", "and_backend_roles", "hosts", "users"} {
		names, _ := have[field].([]any)
		list, _ := mapping[field].([]any)
		for _, name := range names {
			if !slices.Contains(list, name) {
				list = append(list, name)
			}
		}
		if len(list) > 0 {
			mapping[field] = list
		}
	}
	if text, ok := have["description"].(string); ok && text != "" {
		mapping["description"] = text
	}
	all, _ := mapping["backend_roles"].([]any)
	if kept := len(all) - len(ours); kept > 0 {
		note = fmt.Sprintf("%d backend roles that had it keep it", kept)
	}
	return note
}

func sortNames(mapping object) {
	for _, v := range mapping {
		if list, ok := v.([]any); ok {
			slices.SortFunc(list, func(a, b any) int {
				return strings.Compare(fmt.Sprint(a),
					fmt.Sprint(b))
			})
		}
	}
}
