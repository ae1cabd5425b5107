package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// bootstrap puts the shipped templates for the node's index.
func (n *node) bootstrap() {
	n.t.Helper()
	command := exec.CommandContext(n.t.Context(), "go", "run",
		"out_opensearch_irsa/deploy/bootstrap", "-index", n.name, "-no-role", "-no-dashboards", "-replicas", "0")
	command.Env = append(os.Environ(), "OPENSEARCH_ENDPOINT="+world.OpenSearch.URL,
		"SSL_CERT_FILE="+world.CAFile,
		"OPENSEARCH_USERNAME="+world.OpenSearch.Username, "OPENSEARCH_PASSWORD="+world.OpenSearch.Password)
	if out, err := command.CombinedOutput(); err != nil {
		n.t.Fatalf("cannot put the templates: %v: %s", err, out)
	}
	n.t.Cleanup(func() {
		for _, name := range []string{n.name, n.name + "-dead-letter"} {
			_, _, _ = world.OpenSearch.Do(context.WithoutCancel(n.t.Context()), "DELETE", "/_index_template/"+name, "") // a left one matches no other test's index
		}
	})
}

// TestLinesInOrder writes many lines of one millisecond in three pods' logs and reads them back in
// the order of their times, as Dashboards shows them.
func TestLinesInOrder(t *testing.T) {
	t.Parallel()
	n := newNode(t, newest())
	n.bootstrap()
	a := n.start()
	const lines = 900
	at := time.Now().UTC().Truncate(time.Second).Add(-time.Minute)
	var logs [3]strings.Builder
	for i := range lines { // 300 within each millisecond, the pods by turns
		stamp := at.Add(time.Duration(i/300)*time.Millisecond +
			time.Duration(i%300)*3333*time.Nanosecond)
		fmt.Fprintf(&logs[i%3], "%s stdout F LINE=%d level=info msg=\"request served\" "+
			"path=/orders/%d\n", stamp.Format("2006-01-02T15:04:05.000000000Z"), i+1, i+1)
	}
	for pod := range logs {
		n.appendLog(pod, logs[pod].String())
	}
	waitCount(t, n.index, lines)
	a.stop()
	checkLines(t, n.index, lines)

	_, answer, err := world.OpenSearch.Do(t.Context(), "POST",
		"/"+n.index+"/_search?filter_path=hits.hits",
		fmt.Sprintf(`{"size":%d,"sort":[{"@timestamp":{"order":"asc","numeric_type":"date_nanos"}}]}`, lines))
	if err != nil {
		t.Fatal(err)
	}
	var found struct{ Hits struct{ Hits []document } }
	if err := json.Unmarshal(answer, &found); err != nil || len(found.Hits.Hits) != lines {
		t.Fatalf("found %d lines (%v) in %.300s", len(found.Hits.Hits), err, answer)
	}
	for i, d := range found.Hits.Hits {
		if !strings.HasPrefix(d.Source.Log, fmt.Sprintf("LINE=%d ", i+1)) {
			t.Fatalf("line %d in the order of @timestamp is %q of %s", i+1, d.Source.Log,
				d.Source.Timestamp)
		}
		if want := n.name + at.Format("-2006.01.02"); d.Index != want {
			t.Fatalf("line %d is in %s, want %s", i+1, d.Index, want)
		}
	}
}

// TestKubernetesDocuments sends what the kubernetes filter makes, under the shipped template: what
// clashes without it goes in, and what goes in can be searched and counted.
func TestKubernetesDocuments(t *testing.T) {
	t.Parallel()
	n := newNode(t, newest())
	n.bootstrap()
	// The records bring what the filter would ask the API server for.
	changes := []set{{"INPUT", "multiline.parser", ""}, {"INPUT", "Parser", "json"},
		{"FILTER", "Match", "none.*"}}
	if !host.TestHost { // which has that parser built in
		parsers := filepath.Join(n.dir, "parsers.conf")
		if err := os.WriteFile(parsers, []byte("[PARSER]\n    Name json\n    Format json\n"),
			0o600); err != nil {
			t.Fatal(err)
		}
		changes = append(changes, set{"SERVICE", "Parsers_File", parsers})
	}
	n.config = shipped(t, changes...)
	record := func(log, labels, more string) string {
		return fmt.Sprintf(`{"log":%q,"stream":"stdout","kubernetes":{"pod_name":"cart-1","namespace_name":"shop","container_name":"app","host":"ip-10-0-1-17","pod_id":"0c9c7a3f",`+
			`"docker_id":"%064x","container_hash":"sha256:%064x","labels":{%s},"annotations":{"a":{"b":1},"a.b":"c","kubernetes.io/psp":"x"}}%s}`, log, 1, 2, labels, more) + "\n"
	}
	records := []string{
		record("error one", `"app":"cart"`, ""),
		record("two", `"app":"cart","app.kubernetes.io/name":"cart"`, ""),
		record("three", `"app.kubernetes.io/name":"cart"`, `,"code":200,"date":"2026-11-24"`),
		record("four", `"team":"payments"`, `,"code":"n/a","date":"not a date"`), // what the field was before
		record(strings.Repeat("five ", 20_000), `"app":"cart"`,
			`,"long":"`+strings.Repeat("x", 40_000)+`"`),
	}
	a := n.start()
	n.appendLog(0, strings.Join(records, ""))
	index := n.name + time.Now().UTC().Format("-2006.01.02")
	waitCount(t, index, len(records))
	// A scalar where an object was is the one thing that no template heals.
	n.appendLog(0, record("six", `"app":"cart"`, `,"code":{"major":1}`)+record("seven",
		`"app":"cart"`, `,"request":{"id":1}`))
	waitCount(t, index, len(records)+2)
	n.appendLog(0, record("eight", `"app":"cart"`, `,"request":"GET /"`))
	waitCount(t, index+"-dead-letter", 1)
	a.stop()

	search := func(where, query string, want int) {
		t.Helper()
		status, answer, err := world.OpenSearch.Do(t.Context(), "POST", "/"+where+"/_count", query)
		var counted struct{ Count int }
		if err == nil {
			err = json.Unmarshal(answer, &counted)
		}
		if err != nil || status != 200 || counted.Count != want {
			t.Errorf("%s in %s: %d %.300s (%v), want %d", query, where, status, answer, err, want)
		}
	}
	search(index, `{"query":{"match":{"log":"error"}}}`, 1)
	search(index, `{"query":{"match_phrase":{"log":"error one"}}}`, 1)
	search(index, `{"query":{"term":{"kubernetes.labels.app":"cart"}}}`, 5)
	search(index, `{"query":{"term":{"kubernetes.labels.app_kubernetes_io/name":"cart"}}}`, 2)
	search(index, `{"query":{"term":{"kubernetes.namespace_name":"shop"}}}`, 7)
	search(index, `{"query":{"range":{"code":{"gte":200}}}}`, 1)
	search(index, `{"query":{"term":{"_ignored":"code"}}}`, 1) // "n/a"
	search(index, `{"query":{"exists":{"field":"code"}}}`, 1)  // the object is not there either
	search(index, `{"query":{"exists":{"field":"long"}}}`, 0)  // kept, but too long to be found
	search(index, `{"query":{"match":{"log":"seven"}}}`, 1)
	search(index+"-dead-letter", `{"query":{"match":{"record":"eight"}}}`, 1)
	search(index+"-dead-letter", `{"query":{"term":{"index":"`+index+`"}}}`, 1)
	search(index+"-dead-letter", `{"query":{"term":{"type":"mapper_parsing_exception"}}}`, 1)
}
