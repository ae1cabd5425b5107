package equality

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"regexp"
	"testing"
)

const recordingFile = "testdata/builtin.json"

// recording is what the built-in output of a Fluent Bit stored.
type recording struct {
	FluentBit string                `json:"fluent_bit"` // version
	Corpus    string                `json:"corpus"`     // fingerprint of the records that went in
	Sections  []string              `json:"sections"`
	Records   map[string][]*variant `json:"records"` // name → the different documents that the sections made of it
}

// variant is a document that some sections stored. Most differ little from the record's first one,
// so only that is whole.
type variant struct {
	Sections []int          `json:"sections"` // numbers in recording.Sections
	Index    string         `json:"index"`
	ID       string         `json:"id,omitempty"`
	Body     map[string]any `json:"body"`              // after the first, only what is new
	Without  []string       `json:"without,omitempty"` // keys of the first one that this one lacks
}

func load(t *testing.T) *recording {
	t.Helper()
	if *record {
		return &recording{}
	}
	text, err := os.ReadFile(recordingFile)
	if err != nil {
		t.Fatal(err)
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	r := &recording{}
	if err := d.Decode(r); err != nil {
		t.Fatalf("cannot read %s: %v", recordingFile, err)
	}
	return r
}

func (r *recording) results() results {
	all := results{}
	for _, section := range r.Sections {
		all[section] = map[string]*document{}
	}
	for name, variants := range r.Records {
		for _, v := range variants {
			d := &document{Index: v.Index, ID: v.ID, Body: maps.Clone(variants[0].Body)}
			maps.Copy(d.Body, v.Body)
			for _, key := range v.Without {
				delete(d.Body, key)
			}
			for _, n := range v.Sections {
				all[r.Sections[n]][name] = d
			}
		}
	}
	return all
}

// newVariant tells a document by how it differs from the record's first one.
func newVariant(d *document, first []*variant) *variant {
	v := &variant{Index: d.Index, ID: d.ID, Body: maps.Clone(d.Body)}
	if len(first) == 0 {
		return v
	}
	for _, key := range names(first[0].Body) {
		switch value, there := d.Body[key]; {
		case !there:
			v.Without = append(v.Without, key)
		case marshal(value) == marshal(first[0].Body[key]):
			delete(v.Body, key)
		}
	}
	return v
}

var versionNumber = regexp.MustCompile(`v(\d+\.\d+\.\d+)`)

// save writes the recording, a line for each document.
func save(t *testing.T, version string, entries []entry, got results) {
	t.Helper()
	number := versionNumber.FindStringSubmatch(version)
	if number == nil {
		t.Fatalf("%q holds no version", version)
	}
	r := recording{FluentBit: number[1], Corpus: fingerprint(entries),
		Records: map[string][]*variant{}}
	same := map[string]*variant{}
	for n := range matrix {
		section := matrix[n].name
		r.Sections = append(r.Sections, section)
		for _, name := range names(got[section]) {
			d := got[section][name]
			v := same[name+d.text()]
			if v == nil {
				v = newVariant(d, r.Records[name])
				same[name+d.text()] = v
				r.Records[name] = append(r.Records[name], v)
			}
			v.Sections = append(v.Sections, n)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n\"fluent_bit\": %q,\n\"corpus\": %q,\n\"sections\": %s,\n\"records\": {",
		r.FluentBit, r.Corpus, marshal(r.Sections))
	for i, name := range names(r.Records) {
		separate(&b, i)
		fmt.Fprintf(&b, "%s: [", marshal(name))
		for j, v := range r.Records[name] {
			separate(&b, j)
			b.WriteString(marshal(v))
		}
		b.WriteString("]")
	}
	b.WriteString("\n}\n}\n")
	if err := os.WriteFile(recordingFile, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func separate(b *bytes.Buffer, i int) {
	if i > 0 {
		b.WriteString(",")
	}
	b.WriteString("\n")
}

// sameAsRecorded checks that the recording still says what the built-in output does.
func sameAsRecorded(t *testing.T, got, recorded results) {
	t.Helper()
	for i := range matrix {
		section := matrix[i].name
		for _, name := range union(got[section], recorded[section]) {
			if g, r := got[section][name], recorded[section][name]; g.text() != r.text() {
				t.Errorf("%s, record %q: run with -record: the built-in output stores\n%s\nand "+
					"the recording says\n%s", section, name, g.text(), r.text())
			}
		}
	}
}

func union[V any](a, b map[string]V) []string {
	all := names(a)
	for _, name := range names(b) {
		if _, there := a[name]; !there {
			all = append(all, name)
		}
	}
	return all
}
