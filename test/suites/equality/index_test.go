package equality

import (
	"encoding/json"
	"strings"
	"testing"
)

// hostile are values of a field that want to be another index, several, a pattern, a path, or more
// of an action line.
var hostile = []string{
	"../x", "..", ".", "../../_cluster/settings", "a/b", `a\b`, "a,b", ",", "*", "k*", "<x>", "<k8s-{now/d}>", "_all", "_x", ".x", ".opendistro_security", "-x", "+x", "UPPER", "ÄÖ", "İ",
	"a b", "a?b=c", "a#b", "a:b", "a|b", "a\"b", `a","_id":"1`, "a\nb", "a\r\n\r\nb", "a\x00b", "a\x7fb", "%2e%2e%2f", "a%00", "a\u2028b", "ａ／ｂ", "", " ", strings.Repeat("l", 255), strings.Repeat("주", 80),
	"bad\xff\xfebytes", "shop", "shop-2024",
}

func namespace(name string) value {
	return object(str("kubernetes"), object(str("namespace_name"), str(name)), str("namespace"),
		str(name))
}

// indices are all indices, hidden ones too, with how many documents each has.
func indices(t *testing.T) map[string]int {
	t.Helper()
	ask(t, "POST", "/_refresh", "")
	var all []struct {
		Index string
		Docs  int `json:"docs.count,string"`
	}
	if err := json.Unmarshal(ask(t, "GET", "/_cat/indices?format=json&expand_wildcards=all", ""),
		&all); err != nil {
		t.Fatal(err)
	}
	names := map[string]int{}
	for _, i := range all {
		names[i.Index] = i.Docs
	}
	return names
}

// expectIndices checks that every index that came since before satisfies legal, and that they hold
// so many documents.
func expectIndices(t *testing.T, before map[string]int, documents int,
	legal func(name string) bool) (made []string) {
	t.Helper()
	total := 0
	for name, docs := range indices(t) {
		if _, there := before[name]; there {
			if docs != before[name] {
				t.Errorf("a record went to the index %q", name)
			}
			continue
		}
		made = append(made, name)
		if !legal(name) {
			t.Errorf("a record made the index %q", name)
		}
		total += docs
	}
	if total != documents {
		t.Errorf("%d documents in %d new indices, want %d: %q", total, len(made), documents, made)
	}
	return made
}

// TestIndexOfHostileRecords lets records name their index: all land behind the template's literal
// prefix, or in Fallback_Index.
func TestIndexOfHostileRecords(t *testing.T) {
	requireServer(t)
	options := []string{"Index k8s-$kubernetes['namespace_name']-%Y.%m.%d",
		"Fallback_Index k8s-fallback", "Generate_ID Off"}
	var bodies []value
	for _, name := range hostile {
		bodies = append(bodies, namespace(name))
	}
	bodies = append(bodies, object(str("log"), str("no namespace")),
		object(str("kubernetes"), object(str("pod_name"), str("a"))))
	before, asked := indices(t), len(front.requests(asIs))
	send(t, bodies, options...)
	legal := func(name string) bool {
		return name == "k8s-fallback" ||
			strings.HasPrefix(name, "k8s-") && strings.HasSuffix(name, "-2024.02.29")
	}
	made := expectIndices(t, before, len(bodies), legal)
	if len(made) < 20 {
		t.Errorf("%d indices, want one for each namespace: %q", len(made), made)
	}
	if requests := front.requests(asIs)[asked:]; len(requests) != 1 {
		t.Errorf("%d requests for one chunk with %d indices, want one: %q", len(requests),
			len(made), requests)
	}
	if n := len(hits(t, "k8s-fallback")); n != 3 {
		t.Errorf("%d records in Fallback_Index, want 3: the two without a name, and the one "+
			"whose name is too long", n)
	}

	// Alone in its chunk too, a record's index is on its line, and the path is the same for all.
	asked = len(front.requests(asIs))
	out, log := deliverer(t, append(options, "Path /"+asIs)...)
	defer out.Close()
	for _, body := range bodies {
		flush(t, out, log, []value{body})
	}
	expectIndices(t, before, 2*len(bodies), legal)
	for _, request := range front.requests(asIs)[asked:] {
		path, _, _ := strings.Cut(request, "?")
		if path != "/_bulk" {
			t.Errorf("a request went to %q", request)
		}
	}
}

// TestIndexThatBeginsWithAField has no literal prefix. Records still cannot name the system's
// indices or the API's endpoints.
func TestIndexThatBeginsWithAField(t *testing.T) {
	requireServer(t)
	var bodies []value
	for _, name := range hostile {
		bodies = append(bodies, namespace(name))
	}
	before := indices(t)
	send(t, bodies, "Index $namespace", "Fallback_Index fallback-of-field", "Generate_ID Off")
	expectIndices(t, before, len(bodies),
		func(name string) bool { return !strings.ContainsAny(name[:1], "._-+") })
}
