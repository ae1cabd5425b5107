package bootstrap

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// asked is each query of the saved objects, as Dashboards turns it into one of OpenSearch's.
var asked = map[string]string{
	"":                              `{"match_all":{}}`,
	noneDead:                        `{"bool":{"must_not":` + deadLetters + `}}`,
	errorLines + " and " + noneDead: `{"bool":{"filter":[{"bool":{"should":[{"match":{"log":"error"}},{"match":{"log":"exception"}},{"match":{"log":"fatal"}},{"match":{"log":"panic"}}],"minimum_should_match":1}},{"bool":{"must_not":` + deadLetters + `}}]}}`,
}

const (
	noneDead    = "not (record : * and attempts : *)" // OpenSearch takes no wildcard for _index from Dashboards
	errorLines  = "log : (error or exception or fatal or panic)"
	deadLetters = `{"bool":{"filter":[{"exists":{"field":"record"}},{"exists":{"field":"attempts"}}]}}`
)

// TestVisualizations asks the real OpenSearch what each visualization asks, over indexes that the
// templates made: four lines, one of them an error, and a dead letter.
func TestVisualizations(t *testing.T) {
	d := newDomain(t)
	if out, code := bootstrap(t, asMaster(d.url), "-index", "board", "-no-role", "-replicas",
		"0"); code != 0 {
		t.Fatal(out)
	}
	for n, log := range []string{"fine", "an Error occurred", "fine too", "fine as well"} {
		do(t, "PUT", fmt.Sprintf("/board-2026.11.24/_create/%d", n), fmt.Sprintf(
			`{"@timestamp":"2026-11-24T10:00:00.00000000%dZ","log":%q,"kubernetes":{"namespace_name":"shop","pod_name":"cart-%d"}}`, n, log, n%2))
	}
	do(t, "PUT", "/board-2026.11.24-dead-letter/_create/1", `{"@timestamp":"2026-11-24T10:00:00.000000009Z","tag":"kube.x","index":"board-2026.11.24","status":400,
		"type":"mapper_parsing_exception","reason":"no","attempts":1,"record":"{\"error\":1}","unheard":{"of":["what","ever"]}}`)
	do(t, "POST", "/board-*/_refresh", "")

	// How many documents each of them counts, and in how many groups at the innermost level.
	want := map[string][2]int{"board-rate": {4, 1}, "board-errors": {1, 1}, "board-pods": {4, 2},
		"board-dead-letters": {1, 1}}
	for key, o := range d.dashboards.Objects() {
		kind, id, _ := strings.Cut(key, "/")
		if kind != "visualization" {
			continue
		}
		counts, known := want[id]
		if !known {
			t.Errorf("nobody says what %s counts", id)
			continue
		}
		delete(want, id)
		hits, groups := ask(t, d, o)
		if hits != counts[0] || groups != counts[1] {
			t.Errorf("%s counts %d documents in %d groups, want %v", id, hits, groups, counts)
		}
	}
	if len(want) > 0 {
		t.Errorf("these visualizations are not there: %v", want)
	}
}

// ask runs a visualization's search.
func ask(t *testing.T, d *domain, o map[string]any) (hits, groups int) {
	t.Helper()
	attributes := o["attributes"].(map[string]any)
	var state struct {
		Aggs []struct {
			Type   string
			Params struct {
				Field string
				Size  int
			}
		}
	}
	var source struct{ Query struct{ Query string } }
	for text, into := range map[any]any{attributes["visState"]: &state,
		attributes["kibanaSavedObjectMeta"].(map[string]any)["searchSourceJSON"]: &source} {
		if err := json.Unmarshal([]byte(text.(string)), into); err != nil {
			t.Fatal(err)
		}
	}
	query, known := asked[source.Query.Query]
	if !known {
		t.Fatalf("nobody says what the query %q is", source.Query.Query)
	}
	aggregation := "{}"
	depth := 0
	for i := len(state.Aggs) - 1; i >= 0; i-- {
		switch a := state.Aggs[i]; a.Type {
		case "terms":
			aggregation = fmt.Sprintf(`{"of":{"terms":{"field":%q,"size":%d},"aggs":%s}}`,
				a.Params.Field, a.Params.Size, aggregation)
			depth++
		case "date_histogram":
			aggregation = fmt.Sprintf(`{"of":{"date_histogram":{"field":%q,"fixed_interval":"30s","min_doc_count":1},"aggs":%s}}`, a.Params.Field, aggregation)
			depth++
		}
	}
	reference := o["references"].([]any)[0].(map[string]any)["id"].(string)
	pattern := d.dashboards.Objects()["index-pattern/"+reference]["attributes"].(map[string]any)["title"].(string)
	answer := do(t, "POST", "/"+pattern+"/_search",
		fmt.Sprintf(`{"size":0,"query":%s,"aggs":%s}`, query, aggregation))
	hits = int(answer["hits"].(map[string]any)["total"].(map[string]any)["value"].(float64))
	level := []any{answer["aggregations"]}
	for range depth {
		var next []any
		for _, l := range level {
			next = append(next, l.(map[string]any)["of"].(map[string]any)["buckets"].([]any)...)
		}
		level = next
	}
	return hits, len(level)
}
