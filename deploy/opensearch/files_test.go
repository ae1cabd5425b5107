package opensearch

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/test/fixtures/localaws"
)

func read(t *testing.T, name string, into any) {
	t.Helper()
	text, err := Files.ReadFile(name)
	if err == nil {
		err = json.Unmarshal(text, into)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

type template struct {
	Patterns []string `json:"index_patterns"`
	Priority int
	Template struct {
		Mappings properties
	}
}

type properties struct {
	Type       string
	Enabled    *bool
	DocValues  *bool `json:"doc_values"`
	Properties map[string]properties
}

// fields are the names of those that an index made by the template can be asked about, with their types.
func (p properties) fields(prefix string, into map[string]properties) map[string]properties {
	for name, f := range p.Properties {
		if f.Properties != nil {
			f.fields(prefix+name+".", into)
		} else if f.Enabled == nil || *f.Enabled {
			into[prefix+name] = f
		}
	}
	return into
}

func fieldsOf(t *testing.T, name string) map[string]properties {
	t.Helper()
	var tm template
	read(t, name, &tm)
	return tm.Template.Mappings.fields("", map[string]properties{})
}

// savedObject is one line for Dashboards.
type savedObject struct {
	Type, ID         string
	Attributes       map[string]any
	References       []struct{ Name, Type, ID string }
	MigrationVersion map[string]string
}

func savedObjects(t *testing.T) map[string]savedObject {
	t.Helper()
	text, err := Files.ReadFile("dashboards.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]savedObject{}
	for line := range bytes.Lines(text) {
		var o savedObject
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&o); err != nil {
			t.Fatalf("%.100s: %v", line, err)
		}
		key := o.Type + " " + o.ID
		if _, twice := all[key]; twice {
			t.Errorf("%s is there twice", key)
		}
		if title, _ := o.Attributes["title"].(string); title == "" ||
			o.MigrationVersion[o.Type] == "" {
			t.Errorf("%s has no title, or no version of its form", key)
		}
		all[key] = o
	}
	return all
}

// inner reads JSON that an attribute has as a string.
func (o savedObject) inner(t *testing.T, text any, into any) {
	t.Helper()
	s, _ := text.(string)
	if err := json.Unmarshal([]byte(s), into); err != nil {
		t.Fatalf("%s %s: %q: %v", o.Type, o.ID, s, err)
	}
}

// TestSavedObjects follows every reference, and looks for every field in the template of the indexes that it is asked of.
func TestSavedObjects(t *testing.T) {
	all := savedObjects(t)
	templates := map[string]map[string]properties{"eks-log*": fieldsOf(t, "index-template.json"),
		"eks-log*-dead-letter": fieldsOf(t, "dead-letter-template.json")}
	kinds := map[string]int{}
	for key, o := range all {
		kinds[o.Type]++
		names := map[string]string{}
		for _, r := range o.References {
			if _, ok := all[r.Type+" "+r.ID]; !ok {
				t.Errorf("%s refers to %s %s, which is not there", key, r.Type, r.ID)
			}
			names[r.Name] = r.Type + " " + r.ID
		}
		switch o.Type {
		case "index-pattern":
			fields := templates[o.Attributes["title"].(string)]
			if f := fields[o.Attributes["timeFieldName"].(string)]; f.Type != "date_nanos" {
				t.Errorf("%s: the time field has the type %q", key, f.Type)
			}
			continue
		case "dashboard":
			checkPanels(t, o, names)
			continue
		}
		var source struct {
			IndexRefName string
			Query        struct{ Query, Language string }
		}
		o.inner(t, o.Attributes["kibanaSavedObjectMeta"].(map[string]any)["searchSourceJSON"],
			&source)
		pattern, ok := all[names[source.IndexRefName]]
		if !ok || pattern.Type != "index-pattern" || source.Query.Language != "kuery" {
			t.Errorf("%s is about no index pattern, or asks in another language: %+v", key, source)
			continue
		}
		fields := templates[pattern.Attributes["title"].(string)]
		for _, m := range regexp.MustCompile(`([@\w.]+)\s*:`).FindAllStringSubmatch(source.Query.Query, -1) {
			// The dead letters are among what eks-log* matches.
			_, ok := fields[m[1]]
			if _, dead := templates["eks-log*-dead-letter"][m[1]]; !ok && !dead {
				t.Errorf("%s asks for %s, which the template has not", key, m[1])
			}
		}
		if o.Type == "search" {
			checkColumns(t, o, fields)
		} else {
			checkAggregations(t, o, fields)
		}
	}
	for _, kind := range []string{"index-pattern", "search", "visualization", "dashboard"} {
		if kinds[kind] == 0 {
			t.Errorf("there is no %s", kind)
		}
	}
}

func checkPanels(t *testing.T, o savedObject, names map[string]string) {
	t.Helper()
	var panels []struct {
		PanelRefName, PanelIndex string
		GridData                 struct{ X, Y, W, H int }
	}
	o.inner(t, o.Attributes["panelsJSON"], &panels)
	if len(panels) != len(o.References) || len(panels) < 5 {
		t.Errorf("%s has %d panels and %d references", o.ID, len(panels), len(o.References))
	}
	for i, p := range panels {
		if names[p.PanelRefName] == "" {
			t.Errorf("panel %d refers to %s", i, p.PanelRefName)
		}
		g := p.GridData
		if g.W <= 0 || g.H <= 0 || g.X+g.W > 48 {
			t.Errorf("panel %d is at %+v: Dashboards' grid is 48 wide", i, g)
		}
		for j, q := range panels[:i] {
			h := q.GridData
			if q.PanelIndex == p.PanelIndex ||
				g.X < h.X+h.W && h.X < g.X+g.W && g.Y < h.Y+h.H && h.Y < g.Y+g.H {
				t.Errorf("panels %d and %d are at the same place, or have the same number", i, j)
			}
		}
	}
}

func checkColumns(t *testing.T, o savedObject, fields map[string]properties) {
	t.Helper()
	for _, c := range o.Attributes["columns"].([]any) {
		if _, ok := fields[c.(string)]; !ok {
			t.Errorf("%s shows %s, which the template has not", o.ID, c)
		}
	}
	if sort, _ := json.Marshal(o.Attributes["sort"]); string(sort) != `[["@timestamp","desc"]]` {
		t.Errorf("%s is sorted by %s", o.ID, sort)
	}
}

func checkAggregations(t *testing.T, o savedObject, fields map[string]properties) {
	t.Helper()
	var state struct {
		Title, Type string
		Params      struct{ Type string }
		Aggs        []struct {
			ID, Type, Schema string
			Params           struct{ Field, OrderBy string }
		}
	}
	o.inner(t, o.Attributes["visState"], &state)
	if state.Title != o.Attributes["title"] ||
		state.Params.Type != "" && state.Params.Type != state.Type {
		t.Errorf("%s: its state is another's: %s, %s", o.ID, state.Title, state.Type)
	}
	var ids []string
	for _, a := range state.Aggs {
		ids = append(ids, a.ID)
		f, ok := fields[a.Params.Field]
		switch a.Type {
		case "count":
			continue
		case "date_histogram":
			ok = ok && f.Type == "date_nanos"
		case "terms":
			ok = ok && f.Type != "text" && (f.DocValues == nil || *f.DocValues) &&
				slices.Contains(ids, a.Params.OrderBy)
		default:
			ok = false
		}
		if !ok {
			t.Errorf("%s: the template's %s (%+v) cannot be grouped by %s", o.ID, a.Params.Field, f, a.Type)
		}
	}
}

// TestPolicies gives each lifecycle policy to what stands for the plugin's parser.
func TestPolicies(t *testing.T) {
	for _, name := range []string{"ism-policy.json", "ism-policy-warm.json",
		"ism-policy-data-stream.json"} {
		text, err := Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		policy, err := localaws.CheckPolicy(text)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, s := range policy.States {
			for i, a := range s.Actions {
				// force_merge closes the index for writing: lines that come late would wait for ever.
				if a["force_merge"] != nil && (i+1 >= len(s.Actions) ||
					s.Actions[i+1]["read_write"] == nil) {
					t.Errorf("%s leaves an index closed for writing", name)
				}
			}
		}
	}
}

// TestDeadLetterTemplate wants a field for each that a dead-letter record has, but for bytes that nobody searches.
func TestDeadLetterTemplate(t *testing.T) {
	r := deadletter.Record{Time: time.Unix(1, 2), Tag: "t", Index: "i", ID: "d", Routing: "r",
		Status: 400, Type: "x", Reason: "y", Attempts: 1, Document: []byte("{}"), Raw: []byte{1}}
	r.Reason = strings.Repeat("y", deadletter.MinLimit) // so that it is cut, which has fields of its own
	line := r.AppendJSON(nil, deadletter.MinLimit)
	var has map[string]any
	if err := json.Unmarshal(line, &has); err != nil {
		t.Fatal(err)
	}
	fields := fieldsOf(t, "dead-letter-template.json")
	for name := range has {
		if _, ok := fields[name]; !ok && name != "record_msgpack" {
			t.Errorf("a dead-letter record has %s, the template has not", name)
		}
	}
	for name := range fields {
		if _, ok := has[name]; !ok {
			t.Errorf("the template has %s, a dead-letter record has not", name)
		}
	}
}

// TestDataStreamTemplate wants the data stream's mapping to be the same, and the dead letters' template to come before both.
func TestDataStreamTemplate(t *testing.T) {
	var index, stream, dead map[string]any
	read(t, "index-template.json", &index)
	read(t, "index-template-data-stream.json", &stream)
	read(t, "dead-letter-template.json", &dead)
	one, _ := json.Marshal(index["template"])
	other, _ := json.Marshal(stream["template"])
	if !bytes.Equal(one, other) || stream["data_stream"] == nil {
		t.Errorf("index-template-data-stream.json has another mapping than index-template.json, or is for no data stream")
	}
	if !(index["priority"].(float64) < stream["priority"].(float64) &&
		stream["priority"].(float64) < dead["priority"].(float64)) {
		t.Errorf("priorities %v, %v, %v do not rise", index["priority"], stream["priority"],
			dead["priority"])
	}
}

// TestRoleIsTheOneThatErrorsName holds the role together with what the plugin tells people to put.
func TestRoleIsTheOneThatErrorsName(t *testing.T) {
	var role struct {
		Cluster []string `json:"cluster_permissions"`
		Index   []struct {
			Patterns []string `json:"index_patterns"`
			Actions  []string `json:"allowed_actions"`
		} `json:"index_permissions"`
	}
	read(t, "role.json", &role)
	got := strings.Join(role.Cluster, " ") + "; " + strings.Join(role.Index[0].Actions, " ") +
		"; " + strings.Join(role.Index[0].Patterns, " ")
	want := "indices:data/write/bulk; indices:data/write/bulk* indices:data/write/index indices:admin/create indices:admin/mapping/put; eks-log*"
	if got != want || len(role.Index) != 1 {
		t.Errorf("the role allows %s, want %s", got, want)
	}
}
