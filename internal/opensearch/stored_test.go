package opensearch

import (
	"net/http"
	"testing"
)

// TestStored has answers that tell of each document, and others, which must not count as "not
// there".
func TestStored(t *testing.T) {
	f := func(status int, answer string, kind Kind, want ...string) {
		t.Helper()
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(answer))
		})
		found, fail := c.Stored(t.Context(), "logs", []DocumentRef{{ID: "a"}, {ID: "b"}})
		if kind != None {
			if fail == nil || fail.Kind != kind || found != nil {
				t.Errorf("%s: %q and %v, want %s", answer, found, fail, kind)
			}
			return
		}
		if fail != nil || len(found) != 2 || string(found[0]) != want[0] ||
			string(found[1]) != want[1] {
			t.Errorf("%s: %q and %v", answer, found, fail)
		}
	}
	f(200, `{"docs":[{"_id":"a","found":true,"_source":{"x":1}},{"_id":"b","found":false}]}`, None,
		`{"x":1}`, "")
	f(200, `{"docs":[{"_id":"a","error":{"type":"illegal_argument_exception"}},{"_id":"b","found":false}]}`, None, "", "")
	f(200, ``, BadAnswer)
	f(200, `<html>ok</html>`, BadAnswer)
	f(200, `{}`, BadAnswer)
	f(200, `{"docs":[{"_id":"a","found":true,"_source":{"x":1}}]}`, BadAnswer)
	f(200, `{"docs":[{},{}]}`, BadAnswer)
	f(503, ``, Unavailable)
}

func TestSameDocument(t *testing.T) {
	f := func(ours, stored string, pipeline, want bool) {
		t.Helper()
		if got := SameDocument([]byte(ours), []byte(stored), pipeline); got != want {
			t.Errorf("%s and %s, pipeline %v: %v", ours, stored, pipeline, got)
		}
	}
	f(`{"a":1,"b":"x"}`, `{"b":"x", "a":1}`, false, true)
	f(`{"a":1}`, `{"a":1,"b":"x"}`, false, false) // another record, of which ours is a part
	f(`{"a":1}`, `{"a":1,"b":"x"}`, true, true)
	f(`{"a":1,"b":"x"}`, `{"a":1}`, true, false)
	f(`{"a":9007199254740993}`, `{"a":9007199254740992}`, false, false)
	f(`{"a":1}`, `<html>`, true, false)
}
