package bootstrap

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"out_opensearch_irsa/internal/command"
	"out_opensearch_irsa/internal/opensearch"
	"out_opensearch_irsa/test/fixtures/localaws"
)

func decode(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestSame(t *testing.T) {
	f := func(have, want string, added string, equal bool) {
		t.Helper()
		a := map[string]bool{}
		for _, name := range strings.Fields(added) {
			a[name] = true
		}
		if got := same(decode(t, have), decode(t, want), a); got != equal {
			t.Errorf("same(%s, %s) = %t", have, want, got)
		}
	}
	f(`{"a":1}`, `{"a":1}`, "", true)
	f(`{"a":"1"}`, `{"a":1}`, "", true)
	f(`{"a":1,"reserved":false,"fls":[],"x":null,"y":"","z":{}}`, `{"a":1}`, "", true)
	f(`{"a":1,"seen":5}`, `{"a":1}`, "seen", true)
	f(`{"a":[{"b":1,"seen":5}]}`, `{"a":[{"b":1}]}`, "seen", true)

	f(`{"a":1,"seen":5}`, `{"a":1}`, "", false)
	f(`{"a":1}`, `{"a":1,"data_stream":{}}`, "", false)
	f(`{"a":[1,2]}`, `{"a":[1]}`, "", false)
	f(`{"a":[1,2]}`, `{"a":[2,1]}`, "", false)
	f(`{"a":{}}`, `{"a":1}`, "", false)
	f(`{"a":1}`, `{"a":{}}`, "", false)
	f(`{"a":1}`, `{"a":[]}`, "", false)
	f(`{"a":1}`, `{"a":2}`, "", false)
	f(`null`, `{"a":2}`, "", false)
}

func TestMerge(t *testing.T) {
	mapping := decode(t, `{"backend_roles":["new"]}`).(object)
	note := merge(mapping, decode(t,
		`{"backend_roles":["old","new"],"hosts":["h"],"users":[],"description":"d","reserved":false}`).(object))
	got, _ := json.Marshal(mapping)
	if want := `{"backend_roles":["new","old"],"description":"d","hosts":["h"]}`; string(got) != want || note != "1 backend roles that had it keep it" {
		t.Errorf("got %s (%s), want %s", got, note, want)
	}
	fresh := decode(t, `{"backend_roles":["new"]}`).(object)
	if note := merge(fresh, nil); note != "" {
		t.Errorf("a mapping that is new keeps: %s", note)
	}
}

// TestPolicyForAnyRetention gives the policies for short and long lives to what stands for the
// plugin's parser.
func TestPolicyForAnyRetention(t *testing.T) {
	f := func(file, retention string, wantStates string) {
		t.Helper()
		o, err := wanted{index: "team-logs", retention: retention}.policy(file)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(o)
		if err != nil {
			t.Fatal(err)
		}
		policy, err := localaws.CheckPolicy(text)
		if err != nil {
			t.Fatalf("%s for %s: %v in %s", file, retention, err, text)
		}
		var states []string
		for _, s := range policy.States {
			states = append(states, s.Name)
		}
		if got := strings.Join(states, " "); got != wantStates ||
			!strings.Contains(string(text), `_age":"`+retention+`"`) ||
			!strings.Contains(string(text), "team-logs") {
			t.Errorf("%s for %s: states %s, want %s: %s", file, retention, got, wantStates, text)
		}
	}
	f("ism-policy.json", "30d", "hot merged delete")
	f("ism-policy.json", "7d", "hot delete")
	f("ism-policy.json", "36h", "hot delete")
	f("ism-policy-warm.json", "90d", "hot warm delete")
	f("ism-policy-warm.json", "2d", "hot delete")
	f("ism-policy-data-stream.json", "30d", "hot merged delete")
	f("ism-policy-data-stream.json", "2d", "hot merged delete")
}

// TestPriorities wants the longer of two names, of which one begins with the other, to come first,
// dead letters included, and no two templates that match one name to have the same priority.
func TestPriorities(t *testing.T) {
	priority := func(index, file string) float64 {
		t.Helper()
		o, err := wanted{index: index}.template(file)
		if err != nil {
			t.Fatal(err)
		}
		return o["priority"].(float64)
	}
	for _, index := range []string{"a", "ab", "eks-log", "eks-log1", "eks-log-staging"} {
		lines, dead := priority(index, "index-template.json"),
			priority(index, "dead-letter-template.json")
		longerLines := priority(index+"x", "index-template.json")
		if lines < 0 || !(lines < dead && dead < longerLines) {
			t.Errorf("%s: %v for lines, %v for dead letters, %v for the lines of a longer name",
				index, lines, dead, longerLines)
		}
	}
}

// answers is an doFunc that gives one answer to everything.
func answers(status int, body string, kind opensearch.Kind) doFunc {
	return func(context.Context, string, string, string, http.Header, []byte) opensearch.Response {
		a := opensearch.Response{Status: status, Body: []byte(body)}
		if status/100 != 2 {
			a.Failure = &opensearch.Failure{Kind: kind, Status: status, Summary: "it answered " +
				http.StatusText(status),
				Remedy: "the plugin's remedy"}
		}
		return a
	}
}

func TestExplain(t *testing.T) {
	f := func(status int, body string, kind opensearch.Kind, want string) {
		t.Helper()
		d := &domain{ask: answers(status, body, kind)}
		if err := d.checkServer(t.Context(), "https://x"); err == nil ||
			!strings.Contains(err.Error(), want) {
			t.Errorf("%d %s: got %v, want %s", status, body, err, want)
		}
	}
	f(403, `{}`, opensearch.RoleNotMapped, "run this as the domain's master user")
	f(403, `{"message":"No permission to access REST API: User x"}`, opensearch.Forbidden,
		"run this as the domain's master user")
	f(403, `{}`, opensearch.NoIdentityPolicy, "es:ESHttpGet, es:ESHttpPut and es:ESHttpPost")
	f(403, `{}`, opensearch.AccessPolicy, "es:ESHttpGet, es:ESHttpPut and es:ESHttpPost")
	f(401, `{}`, opensearch.Unauthorized, "the plugin's remedy")
	f(200, `{"version":{"number":"7.10.2"}}`, opensearch.None, "does not say that it is OpenSearch")
	f(200, `<html>`, opensearch.None, "cannot read the answer")
	f(404, `{}`, opensearch.WrongEndpoint, "does not say that it is OpenSearch")
}

func TestDashboardsFailure(t *testing.T) {
	w := defaults(func(string) string { return "" })
	lines, err := w.savedObjects()
	if err != nil {
		t.Fatal(err)
	}
	f := func(ask doFunc, want string) {
		t.Helper()
		if o := (&dashboards{ask: ask, url: "https://x/_dashboards"}).put(t.Context(),
			lines); o.err == nil || !strings.Contains(o.err.Error(), want) {
			t.Errorf("got %+v, want %s", o, want)
		}
	}
	f(answers(401, "", opensearch.Unauthorized), "Management, Saved objects, Import")
	f(answers(404, "", opensearch.WrongEndpoint), "answered 404: import")
	f(answers(200, `{"saved_objects":[]}`, opensearch.None), "0 saved objects to a question about")
	first := true
	f(func(_ context.Context, _, _, _ string, _ http.Header, body []byte) opensearch.Response {
		if first {
			first = false
			var asked []object
			if err := json.Unmarshal(body, &asked); err != nil {
				t.Fatal(err)
			}
			for _, o := range asked {
				o["error"] = object{"statusCode": 404}
			}
			text, _ := json.Marshal(object{"saved_objects": asked})
			return opensearch.Response{Status: 200, Body: text}
		}
		return opensearch.Response{Status: 200,
			Body: []byte(`{"success":false,"errors":[{"id":"eks-log","type":"dashboard","error":{"type":"missing_references","message":""}}]}`)}
	}, "did not take 1 of the saved objects: dashboard eks-log: missing_references")
}

func TestBasicAuthFromTheEnvironment(t *testing.T) {
	env := map[string]string{"OPENSEARCH_ENDPOINT": "x.example.com", "OPENSEARCH_USERNAME": "admin",
		"OPENSEARCH_PASSWORD": "secret"}
	cfg, err := load(command.Options{}, func(name string) string { return env[name] })
	if err != nil || cfg.AWSAuth || cfg.HTTPUser != "admin" {
		t.Errorf("got %+v, %v", cfg, err)
	}
	cfg, err = load(command.Options{"http_user": "other"},
		func(name string) string { return env[name] })
	if err != nil || cfg.HTTPUser != "other" {
		t.Errorf("-o is not stronger than the environment: %+v, %v", cfg, err)
	}
}
