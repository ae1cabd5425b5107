package equality

import (
	"bytes"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_opensearch_irsa/internal/deadletter"
)

// difference is one that is wanted: where our output stores something else than the built-in one.
type difference struct {
	name, reason string
	sections     string // pattern of the sections that show it; "" for all
	except       string // pattern of sections that do not; "" for none
	records      string // pattern of the records that show it; "" for all
	// want turns what the built-in output stored (nil for nothing) into what ours has to store.
	// What it is given is its own. Without it, ours has to store what the built-in output stored of
	// the record's twin.
	want func(c *cell) *document
	seen bool
}

// cell is one record in one section.
type cell struct {
	section *section
	entry   *entry
	builtIn *document
	all     results // of the built-in output
}

// in is what the built-in output stored of the record in another section.
func (c *cell) in(section string) *document { return c.all[section][c.entry.name].clone() }

// lost returns the records that our side wrote to the dead letters: section → record → reason.
func lost(t *testing.T, side string) map[string]map[string]string {
	t.Helper()
	all := map[string]map[string]string{}
	for i := range matrix {
		s := &matrix[i]
		all[s.name] = map[string]string{}
		text, err := os.ReadFile(deadLetters(s.room(side)))
		if err != nil {
			t.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			record, err := deadletter.Parse(line)
			if err != nil {
				t.Fatal(err)
			}
			body, err := canonical(record.Document)
			if record.Raw != nil {
				body, _, err = msgp.ReadMapStrIntfBytes(record.Raw, nil)
			}
			if err != nil {
				t.Errorf("%s: a dead letter holds no record: %v: %.300s", s.name, err, line)
			}
			all[s.name][recordName(body)] = record.Type + ": " + record.Reason
		}
	}
	return all
}

// compare checks our side against the built-in output and the differences that are wanted.
func compare(t *testing.T, entries []entry, got, builtIn results,
	lost map[string]map[string]string) {
	t.Helper()
	for i := range matrix {
		s := &matrix[i]
		for j := range entries {
			e := &entries[j]
			want := builtIn[s.name][e.name]
			for _, d := range differences {
				if !d.shownBy(s.name, e.name) {
					continue
				}
				w := d.apply(&cell{section: s, entry: e, builtIn: want.clone(), all: builtIn})
				d.seen = d.seen || w.text() != want.text()
				want = w
			}
			g := got[s.name][e.name]
			if g.text() != want.text() {
				t.Errorf("%s, record %q\nbuilt-in  %s\nwant      %s\ngot       %s\nlost      %s",
					s.name, e.name, builtIn[s.name][e.name].text(), want.text(), g.text(), lost[s.name][e.name])
			}
			if _, there := lost[s.name][e.name]; there == (g != nil) {
				t.Errorf("%s, record %q: stored %v, in the dead letters %v", s.name, e.name,
					g != nil, there)
			}
		}
	}
	for _, d := range differences {
		if !d.seen {
			t.Errorf("the difference %q is no longer there: take it out of the table", d.name)
		}
	}
}

func (d *difference) shownBy(section, record string) bool {
	if d.want == nil && strings.HasSuffix(record, twin) {
		return false
	}
	return matches(d.sections, section) && (d.except == "" || !matches(d.except, section)) &&
		matches(d.records, record)
}

func matches(pattern, name string) bool {
	return pattern == "" || regexp.MustCompile("^(?:"+pattern+")$").MatchString(name)
}

func (d *difference) apply(c *cell) *document {
	if d.want != nil {
		return d.want(c)
	}
	// In this section the twin may be subject to other differences, which are about whole sections.
	other := &entry{}
	*other = *c.entry
	other.name += twin
	plain := c.all[c.section.name][other.name].clone()
	for _, whole := range differences {
		if whole.records == "" && whole.shownBy(c.section.name, other.name) {
			plain = whole.want(&cell{section: c.section, entry: other, builtIn: plain, all: c.all})
		}
	}
	if plain == nil {
		return nil
	}
	text := strings.ReplaceAll(marshal(plain.Body), twin, "")
	text = strings.ReplaceAll(text, marshal((&entry{}).tag()), marshal(c.entry.tag()))
	body, err := canonical([]byte(text))
	if err != nil {
		panic(err) // it was JSON before
	}
	plain.Body, plain.ID = body, strings.TrimSuffix(plain.ID, twin)
	return plain
}
