// Package deadletter keeps the records that the domain will not take, whole and as text, with the reason. In come letters; out
// they go to an index or to a file, and only an error means that they are not kept. It decides about no record.
package deadletter

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"
)

// Letter is one record that the domain will not take, or the damaged end of a chunk.
type Letter struct {
	// Time is the record's own; Tag what Fluent Bit routed it by.
	Time time.Time
	Tag  string
	// Index is where it was meant to go, ID the id it was sent with ("" for none), To the dead-letter index.
	Index, ID, To string
	// Status, Type and Reason are the server's, or 0 and ours where the record never got there. Attempts counts the sendings.
	Status       int
	Type, Reason string
	Attempts     int
	// Document is the record as it was sent. Raw is its msgpack, for a record that could not become a document.
	Document, Raw []byte
}

// Keeper takes letters. When Write returns nil, all of them are kept for good; else none may be counted on, and the same
// letters may be written once more.
type Keeper interface {
	Write(ctx context.Context, letters []Letter) error
	Close() error
}

// entry is a letter's form as JSON. The record is a string, so that no mapping can refuse it for what is in it.
type entry struct {
	Time     string `json:"@timestamp"`
	Tag      string `json:"tag"`
	Index    string `json:"index,omitempty"`
	ID       string `json:"id,omitempty"`
	Status   int    `json:"status,omitempty"`
	Type     string `json:"type"`
	Reason   string `json:"reason"`
	Attempts int    `json:"attempts"`
	Record   string `json:"record,omitempty"`
	// Raw is base64 of msgpack.
	Raw []byte `json:"record_msgpack,omitempty"`
}

// AppendJSON appends the letter as one JSON object without a newline.
func (l *Letter) AppendJSON(dst []byte) ([]byte, error) {
	e := entry{
		Time: l.Time.UTC().Format("2006-01-02T15:04:05.000000000Z07:00"), Tag: l.Tag, Index: l.Index, ID: l.ID,
		Status: l.Status, Type: l.Type, Reason: l.Reason, Attempts: l.Attempts, Record: string(l.Document), Raw: l.Raw,
	}
	b, err := json.Marshal(&e)
	if err != nil {
		return dst, fmt.Errorf("cannot write a dead letter as JSON: %w", err)
	}
	return append(dst, b...), nil
}

// Parse reads what AppendJSON wrote.
func Parse(line []byte) (*Letter, error) {
	var e entry
	if !utf8.Valid(line) {
		return nil, fmt.Errorf("cannot read a dead letter: it is not UTF-8")
	}
	if err := json.Unmarshal(line, &e); err != nil {
		return nil, fmt.Errorf("cannot read a dead letter: %w", err)
	}
	t, err := time.Parse(time.RFC3339Nano, e.Time)
	if err != nil {
		return nil, fmt.Errorf("cannot read a dead letter's @timestamp: %w", err)
	}
	if e.Record == "" && e.Raw == nil {
		return nil, fmt.Errorf("cannot read a dead letter: it holds no record")
	}
	l := &Letter{Time: t, Tag: e.Tag, Index: e.Index, ID: e.ID, Status: e.Status, Type: e.Type, Reason: e.Reason, Attempts: e.Attempts, Raw: e.Raw}
	if e.Record != "" {
		l.Document = []byte(e.Record)
	}
	return l, nil
}

// Temporary until the letters branch is merged.
func (l *Letter) DeadLetterID() string {
	if l.ID == "" {
		return ""
	}
	return l.letterID()
}
func (l *Letter) AppendJSONLimit(dst []byte, limit int) ([]byte, error) {
	start := len(dst)
	out, err := l.AppendJSON(dst)
	if err != nil || len(out)-start <= limit {
		return out, err
	}
	cut := *l
	keep := limit - 600 - 2*len(l.Reason)
	cut.Document, cut.Raw = nil, nil
	if len(l.Document) > 0 {
		cut.Document = l.Document[:min(len(l.Document), keep/6)]
	} else {
		cut.Raw = l.Raw[:min(len(l.Raw), keep*3/4)]
	}
	return cut.AppendJSON(dst)
}
