package equality

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"testing"
)

const recordingFile = "testdata/builtin.json"

// recording is what the built-in output of a Fluent Bit stored. Most sections store the same documents: each is written once.
type recording struct {
	FluentBit string `json:"fluent_bit"` // version
	Corpus    string `json:"corpus"`     // fingerprint of the records that went in
	// Documents are the different documents of each record.
	Documents map[string][]*document `json:"documents"`
	// Sections tells, for each section, which of them each record became: a number in Documents.
	Sections map[string]map[string]int `json:"sections"`
}

func load(t *testing.T) *recording {
	t.Helper()
	text, err := os.ReadFile(recordingFile)
	if os.IsNotExist(err) && *record {
		return &recording{}
	}
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
	for section, records := range r.Sections {
		all[section] = map[string]*document{}
		for name, n := range records {
			all[section][name] = r.Documents[name][n]
		}
	}
	return all
}

var versionNumber = regexp.MustCompile(`v(\d+\.\d+\.\d+)`)

// save writes the recording, a line for each document.
func save(t *testing.T, version string, entries []entry, got results) {
	t.Helper()
	number := versionNumber.FindStringSubmatch(version)
	if number == nil {
		t.Fatalf("%q holds no version", version)
	}
	r := recording{FluentBit: number[1], Corpus: fingerprint(entries), Documents: map[string][]*document{}, Sections: map[string]map[string]int{}}
	for _, section := range names(got) {
		r.Sections[section] = map[string]int{}
		for _, name := range names(got[section]) {
			d := got[section][name]
			n := slices.IndexFunc(r.Documents[name], func(other *document) bool { return other.text() == d.text() })
			if n < 0 {
				n = len(r.Documents[name])
				r.Documents[name] = append(r.Documents[name], d)
			}
			r.Sections[section][name] = n
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "{\n\"fluent_bit\": %q,\n\"corpus\": %q,\n\"documents\": {", r.FluentBit, r.Corpus)
	for i, name := range names(r.Documents) {
		separate(&b, i)
		fmt.Fprintf(&b, "%s: [", marshal(name))
		for j, d := range r.Documents[name] {
			separate(&b, j)
			b.WriteString(d.text())
		}
		b.WriteString("]")
	}
	b.WriteString("\n},\n\"sections\": {")
	for i, section := range names(r.Sections) {
		separate(&b, i)
		fmt.Fprintf(&b, "%s: %s", marshal(section), marshal(r.Sections[section]))
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
				t.Errorf("%s, record %q: run with -record: the built-in output stores\n%s\nand the recording says\n%s", section, name, g.text(), r.text())
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
