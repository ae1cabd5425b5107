// Package deadletter keeps the records that the domain will not take, as text, with the reason.
// Input is dead-letter records; output is lines in a file, or JSON for an index. Only a nil error
// means that they are kept. It decides about no record, and sends nothing.
package deadletter

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"
	"unicode/utf8"
)

// Record is a dead-letter record: one record that the domain will not take, or the damaged end of a
// chunk.
type Record struct {
	// Time is the record's own; Tag what Fluent Bit routed it by.
	Time time.Time
	Tag  string
	// Index is where it was meant to go, ID and Routing what it was sent with ("" for none), To the
	// index that the dead-letter record itself goes to.
	Index, ID, Routing, To string
	// Status, Type and Reason are the server's, or 0 and ours where the record never got there.
	// Attempts counts how often it was sent.
	Status       int
	Type, Reason string
	Attempts     int
	// Document is the record as it was sent. Raw is its msgpack, for a record that could not become
	// a document.
	Document, Raw []byte
	// Truncated says that something was cut to fit a size limit, so that the record is not whole.
	// RecordSize is then how many bytes Document or Raw had. Only Parse sets them.
	Truncated  bool
	RecordSize int
}

// DeadLetterID is the id that the dead-letter record itself is indexed with: the same each time, so
// that one that is written again is stored once. It is not the record's id, since several records
// may have one by Id_Key, and each of them is to be kept. A record without an id has none here
// either: equal ones could not be told apart.
func (r *Record) DeadLetterID() string {
	if r.ID == "" {
		return ""
	}
	h := sha256.New()
	for _, part := range []string{r.Tag, r.ID, r.Time.UTC().Format(time.RFC3339Nano),
		string(r.Document)} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part) // a hash takes everything
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:15])
}

// entry is a record's form as JSON, for reading; append.go writes it. The record is a string, so
// that no mapping can refuse it for what is in it.
type entry struct {
	Time     string `json:"@timestamp"`
	Tag      string `json:"tag"`
	Index    string `json:"index"`
	ID       string `json:"id"`
	Routing  string `json:"routing"`
	Status   int    `json:"status"`
	Type     string `json:"type"`
	Reason   string `json:"reason"`
	Attempts int    `json:"attempts"`
	Record   string `json:"record"`
	// Raw is base64 of msgpack.
	Raw        []byte `json:"record_msgpack"`
	Truncated  bool   `json:"truncated"`
	RecordSize int    `json:"record_size"`
}

// Parse reads what AppendJSON wrote.
func Parse(line []byte) (*Record, error) {
	var e entry
	if !utf8.Valid(line) {
		return nil, errors.New("cannot read a dead-letter record: it is not UTF-8")
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, fmt.Errorf("cannot read a dead-letter record: %w", err)
	}
	t, err := time.Parse(time.RFC3339Nano, e.Time)
	if err != nil {
		return nil, fmt.Errorf("cannot read a dead-letter record's @timestamp: %w", err)
	}
	if e.Record == "" && e.Raw == nil && !e.Truncated {
		return nil, errors.New("cannot read a dead-letter record: it holds no record")
	}
	r := &Record{
		Time: t, Tag: e.Tag, Index: e.Index, ID: e.ID, Routing: e.Routing,
		Status: e.Status, Type: e.Type, Reason: e.Reason, Attempts: e.Attempts,
		Raw: e.Raw, Truncated: e.Truncated, RecordSize: e.RecordSize,
	}
	if e.Record != "" {
		r.Document = []byte(e.Record)
	}
	return r, nil
}
