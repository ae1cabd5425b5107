package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// odd are contents of log lines that something on the way might spoil, and what the document has to
// say then.
var odd = map[string]struct{ written, stored string }{
	"umlauts":    {"Grüße aus Köln", "Grüße aus Köln"},
	"wide":       {"日本語のログ 👩‍🚀 𝕏", "日本語のログ 👩‍🚀 𝕏"},
	"combining":  {"e\u0301 \u202e right to left", "e\u0301 \u202e right to left"},
	"separators": {"a\u2028b\u2029c\u0085d", "a\u2028b\u2029c\u0085d"},
	"control": {"bell\x07 back\x08 form\x0c unit\x1f del\x7f", "bell\x07 back\x08 form\x0c " +
		"unit\x1f del\x7f"},
	"colours":     {"\x1b[31mred\x1b[0m", "\x1b[31mred\x1b[0m"},
	"tabs":        {"a\tb\t\tc", "a\tb\t\tc"},
	"quotes":      {`she said "it's" <b>&amp;</b>`, `she said "it's" <b>&amp;</b>`},
	"backslashes": {`C:\temp\new \\ \" \u0041 \n`, `C:\temp\new \\ \" \u0041 \n`},
	"json":        {`{"level":"info","n":1,"a":[{}]}`, `{"level":"info","n":1,"a":[{}]}`},
	"bulk action": {`{"index":{"_index":"other"}}`, `{"index":{"_index":"other"}}`},
	"invalid utf8": {"latin \xe9 cut \xe2\x82 alone \x80", "latin \ufffd cut " +
		"\ufffd\ufffd alone \ufffd"},
	"surrogate":    {"half \xed\xa0\x80.", "half \ufffd\ufffd\ufffd."},
	"blanks":       {"  in front and behind  ", "  in front and behind  "},
	"looks as CRI": {"2024-05-06T07:08:09Z stdout F nested", "2024-05-06T07:08:09Z stdout F nested"},
	"long":         {strings.Repeat("0123456789abcdef", 1<<10), strings.Repeat("0123456789abcdef", 1<<10)},
}

// TestDocuments follows odd lines into the index, and again: after the agent has lost its memory of
// the files.
func TestDocuments(t *testing.T) {
	for _, v := range versions() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, v)
			door := n.ownDoor()
			want := n.writeOdd()
			a := n.start()
			waitCount(t, n.index, len(want))
			a.stop()
			first := n.checkOdd(want)

			// A new node, or a volume that is gone: every file is read again from its beginning.
			if err := os.RemoveAll(n.State); err != nil {
				t.Fatal(err)
			}
			if err := os.Mkdir(n.State, 0o700); err != nil {
				t.Fatal(err)
			}
			before := door.Stats().Statuses[200]
			a = n.start()
			eventually(t, func() error {
				if door.Stats().Statuses[200] == before {
					return fmt.Errorf("nothing was sent again")
				}
				return nil
			})
			a.stop()
			again := n.checkOdd(want)
			for name, id := range first {
				if again[name] != id {
					t.Errorf("%s: the document's id was %s and is %s", name, id, again[name])
				}
			}
			if ended := a.wait("ended: "); !strings.Contains(ended,
				fmt.Sprintf(" 0 documents stored, %d duplicates", len(want))) {
				t.Errorf("the plugin counts otherwise: %s", ended)
			}
		})
	}
}

// writeOdd writes every odd line, and one in three parts as a runtime does with lines above 16 KiB.
// It returns what the documents have to be: by time, which is one for each.
func (n *node) writeOdd() map[string]string {
	want := map[string]string{}
	at := 0
	next := func() string {
		at++
		return fmt.Sprintf("2024-05-06T07:08:%02d.%03d456789Z", at, at)
	}
	for _, line := range odd {
		written := next()
		n.appendLog(0, written+" stderr F "+line.written+"\n")
		want[written] = line.stored
	}
	written := next()
	part := func(c string) string { return strings.Repeat(c, 16<<10) }
	n.appendLog(1, written+" stdout P "+part("é")+"\n"+written+" stdout P "+part("\\")+"\n"+written+" stdout F "+part("z")+"\n")
	want[written] = part("é") + part("\\") + part("z")
	return want
}

// checkOdd compares the index with what has to be in it and returns the documents' ids.
func (n *node) checkOdd(want map[string]string) map[string]string {
	n.t.Helper()
	waitCount(n.t, n.index, len(want))
	ids := map[string]string{}
	for _, d := range documents(n.t, n.index) {
		at := d.Source.Timestamp
		text, wanted := want[at]
		switch {
		case !wanted:
			n.t.Errorf("document %s has the time %s, which no line has: %.100q", d.ID, at,
				d.Source.Log)
		case ids[at] != "":
			n.t.Errorf("documents %s and %s are of one line", d.ID, ids[at])
		case d.Source.Log != text:
			n.t.Errorf("document %s says %s instead of %s", d.ID, shorten(d.Source.Log),
				shorten(text))
		}
		if len(d.ID) != 20 {
			n.t.Errorf("id %q has %d characters, not 20", d.ID, len(d.ID))
		}
		ids[at] = d.ID
	}
	if len(ids) != len(want) {
		n.t.Errorf("%d lines of %d have a document", len(ids), len(want))
	}
	return ids
}

func shorten(s string) string {
	if len(s) > 120 {
		return fmt.Sprintf("%q… (%d bytes)", s[:120], len(s))
	}
	return fmt.Sprintf("%q", s)
}

// TestDates gives each day an index of its own, by the time of the line and not by the clock.
func TestDates(t *testing.T) {
	t.Parallel()
	n := newNode(t, newest())
	n.appendLog(0, "2024-02-29T23:59:59.999999999Z stdout F the last of a leap day\n"+
		"2024-03-01T00:00:00.000000001Z stdout F the first of March\n"+
		"2024-03-01T01:30:00.5+02:00 stdout F still the leap day, in Kyiv's winter time\n")
	a := n.start()
	waitCount(t, n.index, 3)
	a.stop()
	for day, want := range map[string]int{"2024.02.29": 2, "2024.03.01": 1} {
		if got := count(t, n.name+"-"+day); got != want {
			t.Errorf("%s has %d documents, want %d", day, got, want)
		}
	}
	for _, d := range documents(t, n.index) {
		if !strings.HasSuffix(d.Index, strings.ReplaceAll(d.Source.Timestamp[:10], "-", ".")) {
			t.Errorf("a line of %s is in %s", d.Source.Timestamp, filepath.Base(d.Index))
		}
	}
}
