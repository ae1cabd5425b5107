package multiline

import (
	"bufio"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// domain stores documents by id.
type domain struct {
	mu       sync.Mutex
	texts    map[string]string
	versions map[string]int
}

func (d *domain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var items []string
	failed := false
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var action map[string]struct {
			ID      string `json:"_id"`
			Version int    `json:"version"`
		}
		var doc struct{ Log string }
		err := json.Unmarshal(lines.Bytes(), &action)
		lines.Scan()
		if err != nil || json.Unmarshal(lines.Bytes(), &doc) != nil {
			panic("no bulk request")
		}
		for op, a := range action {
			_, there := d.texts[a.ID]
			if there && (op == "create" || a.Version <= max(1, d.versions[a.ID])) {
				failed = true
				reason := "version conflict, current version is higher or equal to the one provided"
				items = append(items, fmt.Sprintf(`{%q:{"status":409,"error":{"type":"version_conflict_engine_exception","reason":%q}}}`, op, reason))
				continue
			}
			d.texts[a.ID], d.versions[a.ID] = doc.Log, a.Version
			items = append(items, fmt.Sprintf(`{%q:{"status":201}}`, op))
		}
	}
	_, _ = fmt.Fprintf(w, `{"errors":%v,"items":[%s]}`, failed, strings.Join(items, ","))
}

// whole returns how many of the traces are one document.
func (d *domain) whole(traces [][]string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	stored := map[string]bool{}
	for _, text := range d.texts {
		stored[text] = true
	}
	for _, lines := range traces {
		if stored[strings.Join(lines, "\n")] {
			n++
		}
	}
	return n
}

// missing returns how many lines are in no document; with final, a line in two is an error. Empty
// lines are not counted.
func (d *domain) missing(t *testing.T, w written, final bool) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	times := map[string]int{}
	for _, text := range d.texts {
		for line := range strings.SplitSeq(text, "\n") {
			times[line]++
		}
	}
	wanted := map[string]int{}
	for _, lines := range append(w.traces, w.others) {
		for _, line := range lines {
			wanted[line]++
		}
	}
	missing := 0
	for line, n := range wanted {
		missing += max(0, n-times[line])
		if final && line != "" && times[line] > n {
			t.Errorf("%q is there %d times, want %d", line, times[line], n)
		}
	}
	return missing
}
