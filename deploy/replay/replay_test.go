package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/internal/opensearch"
)

func writeLetters(t *testing.T, letters ...deadletter.Record) string {
	t.Helper()
	var b []byte
	for i := range letters {
		letters[i].Time, letters[i].Type, letters[i].Reason = time.Unix(1, 2), "mapper_parsing_exception", "because"
		b = append(letters[i].AppendJSON(b, 0), '\n')
	}
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// replay runs one file against a server that answers each request with the next of answers.
func replay(t *testing.T, path, index string, answers ...string) (counts, []string, error) {
	t.Helper()
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		_, _ = io.WriteString(w, answers[min(len(bodies), len(answers))-1])
	}))
	defer server.Close()
	u, _ := url.Parse(server.URL)
	client, err := opensearch.New(opensearch.Options{Endpoint: u})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	r := replayer{client: client, limit: 1 << 20, index: index}
	c, err := r.file(context.Background(), path)
	return c, bodies, err
}

func TestReplayCountsAndWritesWhatIsRejectedAgain(t *testing.T) {
	path := writeLetters(t,
		deadletter.Record{Index: "a", ID: "1", Document: []byte(`{"n":1}`)},
		deadletter.Record{Index: "a", ID: "2", Document: []byte(`{"n":2}`)},
		deadletter.Record{Index: "b", Document: []byte(`{"n":3}`)},
		deadletter.Record{Index: "b", Document: []byte(`{"n":4}`)},
		deadletter.Record{Raw: []byte{0xc1}})
	c, bodies, err := replay(t, path, "",
		`{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":409,"error":{"type":"version_conflict_engine_exception","reason":"x"}}},`+
			`{"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"x"}}},{"create":{"status":400,"error":{"type":"mapper_parsing_exception","reason":"still"}}}]}`,
		`{"errors":false,"items":[{"create":{"status":201}}]}`)
	if err != nil || c != (counts{read: 5, stored: 2, present: 1, rejected: 1, unusable: 1}) {
		t.Fatalf("%+v, %v", c, err)
	}
	if len(bodies) != 2 || bodies[1] != "{\"create\":{\"_index\":\"b\"}}\n{\"n\":3}\n" || !strings.HasPrefix(bodies[0], `{"create":{"_id":"1","_index":"a"}}`+"\n") {
		t.Fatalf("sent %q", bodies)
	}
	left, err := os.ReadFile(path + ".rejected")
	if err != nil || strings.Count(string(left), "\n") != 2 || !strings.Contains(string(left), `"reason":"still"`) {
		t.Fatalf("%s, %v", left, err)
	}
}

func TestReplayToAnotherIndex(t *testing.T) {
	path := writeLetters(t, deadletter.Record{Index: "a", ID: "1", Document: []byte(`{}`)})
	c, bodies, err := replay(t, path, "mended", `{"errors":false,"items":[{"create":{"status":201}}]}`)
	if err != nil || c.stored != 1 || !strings.Contains(bodies[0], `"_index":"mended"`) {
		t.Fatalf("%+v %q %v", c, bodies, err)
	}
}

func TestReplayFailure(t *testing.T) {
	f := func(content, want string) {
		t.Helper()
		path := filepath.Join(t.TempDir(), "dead.jsonl")
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := replay(t, path, "", "{}"); err == nil || !strings.Contains(fmt.Sprint(err), want) {
			t.Fatalf("%q: got %v, want %s", content, err, want)
		}
	}
	f("{", "line 1 of")
	f(`{"@timestamp":"2026-01-01T00:00:00Z"}`+"\n", "it holds no record")
	f(`{"@timestamp":"yesterday","record":"{}"}`+"\n", "@timestamp")
}
