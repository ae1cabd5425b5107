package deliver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/tinylib/msgp/msgp"
)

// traced makes a chunk of n records with ids of their own in the field trace, and text.
func traced(n int, text string) (chunk []byte) {
	for i := range n {
		chunk = msgp.AppendMapHeader(append(chunk, chunkOf(1, false, "x")[:13]...), 2)
		chunk = msgp.AppendString(msgp.AppendString(chunk, "log"),
			fmt.Sprintf("%s LINE=%d", text, i))
		chunk = msgp.AppendString(msgp.AppendString(chunk, "trace"), fmt.Sprint("trace-", i))
	}
	return chunk
}

// gets returns how many documents each multi-get asked for.
func gets(t *testing.T, d *door, before func(w http.ResponseWriter) bool) *[]int {
	var asked []int
	d.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if !strings.HasSuffix(r.URL.Path, "/_mget") {
			return false
		}
		var want struct{ Docs []map[string]any }
		if err := json.Unmarshal(body, &want); err != nil {
			t.Error(err)
		}
		asked = append(asked, len(want.Docs))
		return before != nil && before(w)
	}
	d.mget = true
	return &asked
}

// TestComparingIsBounded has more documents to compare than one multi-get asks for, by number and
// by size.
func TestComparingIsBounded(t *testing.T) {
	for text, want := range map[string][]int{
		"short":                     {maxCompared, maxCompared, 100},
		strings.Repeat("y", 10_000): {104, 104, 104, 104, 84}, // 104 of them are more than comparedBytes
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			asked := gets(t, d, nil)
			out, log := start(t, d.domain, "Id_Key trace", "Compress none", "Max_Request_Size 50M")
			for range 2 { // a file that is read again
				if !out.Flush("t", traced(500, text)) || d.in("eks-log") != 500 ||
					d.in("eks-log-dead-letter") != 0 {
					t.Fatalf("%d documents, %d dead letters\n%s", d.in("eks-log"),
						d.in("eks-log-dead-letter"), log)
				}
			}
			if !slices.Equal(*asked, want) {
				t.Fatalf("asked for %v documents, want %v", *asked, want)
			}
			if got := out.counts.Duplicates.Get(); got != 500 {
				t.Fatalf("%d duplicates counted", got)
			}
		})
	}
}

// TestComparingAcrossIndices has the documents of a chunk in two indices in turns.
func TestComparingAcrossIndices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		asked := gets(t, d, nil)
		out, log := start(t, d.domain, "Id_Key trace", "Index i-$parity", "Compress none")
		chunk := func(text string) (chunk []byte) {
			for i := range 6 {
				chunk = msgp.AppendMapHeader(append(chunk, chunkOf(1, false, "x")[:13]...), 3)
				chunk = msgp.AppendString(msgp.AppendString(chunk, "log"), text)
				chunk = msgp.AppendString(msgp.AppendString(chunk, "parity"), fmt.Sprint(i/3))
				chunk = msgp.AppendString(msgp.AppendString(chunk, "trace"),
					fmt.Sprint("trace-", i%3))
			}
			return chunk
		}
		if !out.Flush("t", chunk("first")) || d.in("i-0") != 3 || d.in("i-1") != 3 ||
			len(*asked) != 0 {
			t.Fatalf("%v %v\n%s", d.stored, *asked, log)
		}
		if !out.Flush("t", chunk("second")) || d.in("i-0-dead-letter") != 3 ||
			d.in("i-1-dead-letter") != 3 || !slices.Equal(*asked, []int{3, 3}) {
			t.Fatalf("%v %v\n%s", d.stored, *asked, log)
		}
	})
}

// TestComparingFails has the domain not answer a multi-get for a while: the records wait.
func TestComparingFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		failures := 2
		asked := gets(t, d, func(w http.ResponseWriter) bool {
			failures--
			return failures >= 0 && refuseWith(w, 503, "")
		})
		out, log := start(t, d.domain, "Id_Key trace", "Retry_Budget 1m")
		for _, text := range []string{"first", "second"} {
			if !out.Flush("t", traced(5, text)) {
				t.Fatalf("%s\n", log)
			}
		}
		if d.in("eks-log") != 5 || d.in("eks-log-dead-letter") != 5 ||
			!slices.Equal(*asked, []int{5, 5, 5}) {
			t.Fatalf("%d documents, %d dead letters, asked for %v\n%s", d.in("eks-log"),
				d.in("eks-log-dead-letter"), *asked, log)
		}
	})
}

// TestDocumentThatIsDeletedMeanwhile is one that was there for the create, and not for the
// multi-get: it is created at once. A second time it is a dead letter, since something is odd.
func TestDocumentThatIsDeletedMeanwhile(t *testing.T) {
	for _, always := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			gone := 0
			asked := gets(t, d, func(http.ResponseWriter) bool {
				if always || gone == 0 {
					gone++
					d.domain.mu.Lock()
					clear(d.stored)
					d.domain.mu.Unlock()
				}
				return false
			})
			back := d.answer
			d.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
				if always && strings.HasSuffix(r.URL.Path, "/eks-log/_bulk") { // it comes back
					d.domain.mu.Lock()
					d.stored["eks-log/trace-0"] = `{"another":1}`
					d.domain.mu.Unlock()
				}
				return back(w, r, body)
			}
			out, log := start(t, d.domain, "Id_Key trace", "Retry_Budget 0s", "Compress none")
			d.stored["eks-log/trace-0"] = `{"another":1}`
			if !out.Flush("t", traced(1, "x")) {
				t.Fatalf("not settled\n%s", log)
			}
			want := map[bool][3]int{false: {1, 0, 1}, true: {0, 1, 2}}[always]
			if got := [3]int{d.in("eks-log"), d.in("eks-log-dead-letter"),
				len(*asked)}; got != want {
				t.Fatalf("always %v: documents, dead letters and multi-gets %v, want %v\n%s",
					always, got, want, log)
			}
		})
	}
}
