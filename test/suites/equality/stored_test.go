package equality

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// document is what became of a record: where it was stored, and as what.
type document struct {
	Index string `json:"index"`
	// ID is the document's own id, "" for one that the server or an output made.
	ID   string         `json:"id,omitempty"`
	Body map[string]any `json:"body"` // in canonical form
}

// results is what became of the corpus: record → document, for each section. A record that was not
// stored is not there.
type results map[string]map[string]*document

// collect reads what one side stored.
func collect(t *testing.T, side string) results {
	t.Helper()
	ask(t, "POST", "/"+side+".*/_refresh", "")
	all := results{}
	for i := range matrix {
		s := &matrix[i]
		room := s.room(side)
		documents := map[string]*document{}
		search(t, room+"--*", func(index, id string, source json.RawMessage) {
			index = strings.TrimPrefix(index, room+"--")
			body, err := canonical(source)
			if err != nil {
				t.Fatalf("%s, index %s: %v: %.300s", s.name, index, err, source)
			}
			if _, there := body["seeded"]; there && len(body) == 2 {
				return // it was there before, and nothing was done to it
			}
			clocked(body)
			d := &document{Index: dated(index), Body: body}
			if id == fmt.Sprint(body["id"]) || strings.HasPrefix(id, "id-") ||
				len(id) != 20 && len(id) != 36 {
				d.ID = id
			}
			name := recordName(body)
			if documents[name] != nil {
				t.Errorf("%s: two documents of record %q", s.name, name)
			}
			documents[name] = d
		})
		all[s.name] = documents
	}
	return all
}

// search calls f with all documents of an index, which may have wildcards.
func search(t *testing.T, index string, f func(index, id string, source json.RawMessage)) {
	t.Helper()
	answer := ask(t, "POST", "/"+index+"/_search?ignore_unavailable=true&allow_no_indices=true",
		`{"size":10000}`)
	var found struct {
		Hits struct {
			Hits []struct {
				Index  string          `json:"_index"`
				ID     string          `json:"_id"`
				Source json.RawMessage `json:"_source"`
			} `json:"hits"`
		} `json:"hits"`
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		t.Fatal(err)
	}
	for _, hit := range found.Hits.Hits {
		f(hit.Index, hit.ID, hit.Source)
	}
}

func recordName(body map[string]any) string {
	if name, ok := body["record"].(string); ok {
		return name
	}
	return "empty body"
}

// canonical reads JSON so that equal values are equal: integers are told from other numbers, since
// a mapping is guessed from that, and of long texts the length and a hash are kept.
func canonical(source []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(source))
	d.UseNumber()
	var body map[string]any
	if err := d.Decode(&body); err != nil {
		return nil, err
	}
	return simplify(body).(map[string]any), nil
}

func simplify(x any) any {
	switch x := x.(type) {
	case map[string]any:
		for key, value := range x {
			delete(x, key)
			x[shortened(key)] = simplify(value)
		}
	case []any:
		for i := range x {
			x[i] = simplify(x[i])
		}
	case string:
		return shortened(x)
	case json.Number:
		if !strings.ContainsAny(x.String(), ".eE") {
			return x
		}
		f, err := strconv.ParseFloat(x.String(), 64)
		if err != nil {
			return x
		}
		text := strconv.FormatFloat(f, 'g', -1, 64)
		if !strings.ContainsAny(text, ".e") {
			text += ".0"
		}
		return json.Number(text)
	}
	return x
}

func shortened(s string) string {
	if len(s) <= 600 {
		return s
	}
	sum := sha256.Sum256([]byte(s))
	return fmt.Sprintf("%d bytes, SHA-256 %s…", len(s), hex.EncodeToString(sum[:6]))
}

// began is when the tests did: a run at midnight sees two days.
var began = time.Now().UTC()

// dated replaces the date of today, as the matrix's formats write it, in an index name.
func dated(index string) string {
	for _, day := range []time.Time{began, time.Now().UTC()} {
		index = strings.ReplaceAll(index, day.Format("2006.01.02"), "<today>")
	}
	return index
}

// clocked replaces a time that was read off the clock during the test.
func clocked(body map[string]any) {
	for key, value := range body {
		text, _ := value.(string)
		if at, err := time.Parse(time.RFC3339Nano, text); err == nil &&
			at.After(began.Add(-time.Hour)) && at.Before(time.Now().Add(time.Hour)) {
			body[key] = "<now>"
		}
	}
}

// text is a document for messages, and for comparing.
func (d *document) text() string {
	if d == nil {
		return "not stored"
	}
	return marshal(d)
}

// clone is a document whose top fields can be changed.
func (d *document) clone() *document {
	if d == nil {
		return nil
	}
	b, _ := canonical([]byte(marshal(d.Body)))
	c := *d
	c.Body = b
	return &c
}

func marshal(x any) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(x); err != nil {
		panic(err) // it was JSON before
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// names returns the keys of a map in order.
func names[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for name := range m {
		out = append(out, name)
	}
	slices.Sort(out)
	return out
}
