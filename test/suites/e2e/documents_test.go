package e2e

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

// document is one hit.
type document struct {
	Index  string `json:"_index"`
	ID     string `json:"_id"`
	Source struct {
		Log       string `json:"log"`
		Stream    string `json:"stream"`
		Timestamp string `json:"@timestamp"`
	} `json:"_source"`
}

// count returns how many documents an index (or a pattern) holds, everything written so far
// included.
func count(t *testing.T, index string) int {
	t.Helper()
	n, err := world.OpenSearch.Count(t.Context(), index)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// waitCount waits until an index holds at least so many documents.
func waitCount(t *testing.T, index string, want int) {
	t.Helper()
	within(t, stack.Patience+time.Duration(want)*time.Second/500, func() error { // a machine with much else to do stores 500 a second
		// An index that is just being made answers 503 for a moment.
		n, err := world.OpenSearch.Count(t.Context(), index)
		if err == nil && n < want {
			err = fmt.Errorf("%s holds %d of %d documents", index, n, want)
		}
		return err
	})
}

// documents returns everything in an index, by scrolling: exact, as no aggregation over many values
// is.
func documents(t *testing.T, index string) []document {
	t.Helper()
	var all []document
	path, body := "/"+index+"/_search?scroll=1m&filter_path=_scroll_id,hits.hits",
		`{"size":10000,"sort":["_doc"]}`
	for {
		status, answer, err := world.OpenSearch.Do(t.Context(), "POST", path, body)
		if err != nil || status != 200 {
			t.Fatalf("cannot read index %s: %d %.300s (%v)", index, status, answer, err)
		}
		var page struct {
			Scroll string `json:"_scroll_id"`
			Hits   struct{ Hits []document }
		}
		if err := json.Unmarshal(answer, &page); err != nil {
			t.Fatal(err)
		}
		all = append(all, page.Hits.Hits...)
		scroll, _ := json.Marshal(map[string]string{"scroll": "1m", "scroll_id": page.Scroll})
		if len(page.Hits.Hits) == 0 {
			_, _, _ = world.OpenSearch.Do(t.Context(), "DELETE", "/_search/scroll", string(scroll)) // it ends by itself too
			return all
		}
		path, body = "/_search/scroll?filter_path=_scroll_id,hits.hits", string(scroll)
	}
}

var lineNumber = regexp.MustCompile(`^LINE=(\d+) level=info msg="request served" path=/orders/(\d+)$`)

// checkLines fails unless an index holds LINE=1 to LINE=n, each whole and once, and nothing else.
func checkLines(t *testing.T, index string, n int) {
	t.Helper()
	seen := make([]int, n+1)
	for _, d := range documents(t, index) {
		m := lineNumber.FindStringSubmatch(d.Source.Log)
		if m == nil || m[1] != m[2] {
			t.Errorf("document %s is no line that was written: %.200q", d.ID, d.Source.Log)
			continue
		}
		line, err := strconv.Atoi(m[1])
		if err != nil || line < 1 || line > n {
			t.Errorf("document %s is LINE=%s, and only 1 to %d were written", d.ID, m[1], n)
			continue
		}
		seen[line]++
	}
	lost, twice, example := 0, 0, ""
	for line, times := range seen[1:] {
		if times == 0 {
			lost++
		} else if times > 1 {
			twice++
		}
		if times != 1 && example == "" {
			example = fmt.Sprintf("LINE=%d is there %d times", line+1, times)
		}
	}
	if lost+twice > 0 {
		t.Errorf("index %s: of %d lines %d are lost and %d there more than once; %s", index, n,
			lost, twice, example)
	}
}

// expectLines waits until n lines are in an index and then checks them.
func expectLines(t *testing.T, index string, n int) {
	t.Helper()
	waitCount(t, index, n)
	checkLines(t, index, n)
}
