package replay

import (
	"bytes"
	"encoding/json"
	"errors"

	"out_opensearch_irsa/internal/deadletter"
)

// outcome is what became of a dead letter.
type outcome int

const (
	unsent    outcome = iota
	replayed          // it is stored now
	existed           // it was stored before
	refused           // the domain does not take it
	damaged           // it cannot be read
	truncated         // it was cut to fit a size limit, so it is not whole
	noRecord          // it holds msgpack that could not become a document
	outcomes
)

// gone tells whether a dead letter is not needed any more.
func (o outcome) gone() bool { return o == replayed || o == existed }

// item is one dead letter and what became of it.
type item struct {
	record  *deadletter.Record // nil if damaged
	outcome outcome
	remedy  string // what a person can do about a refusal; "" where nothing is known
	// line is the file's, without its newline; id and index say where it is in an index of dead
	// letters.
	line      []byte
	id, index string
}

// read makes an item of its JSON. to is the index that it goes to instead of its own; "" for none.
func read(text []byte, to string) *item {
	l := &item{line: text}
	record, err := deadletter.Parse(text)
	if err != nil {
		l.outcome = damaged
		return l
	}
	l.record = record
	switch {
	case record.Truncated:
		l.outcome = truncated
	case record.Document == nil:
		l.outcome = noRecord
	case to == "" && !legalIndex(record.Index), checkDocument(record.Document) != nil:
		l.outcome = damaged
	case to != "":
		record.Index = to
	}
	return l
}

var errNotObject = errors.New("it is no JSON object on one line")

// checkDocument makes sure that a document cannot break the request that carries it.
func checkDocument(text []byte) error {
	if !json.Valid(text) || text[0] != '{' || bytes.IndexByte(text, '\n') >= 0 {
		return errNotObject
	}
	return nil
}

// refuse records why the domain does not take the item.
func (l *item) refuse(status int, typ, reason, remedy string) {
	l.outcome, l.remedy = refused, remedy
	l.record.Status, l.record.Type, l.record.Reason = status, typ, reason
	l.record.Attempts++
}

// text is the item as a line of a file.
func (l *item) text() []byte {
	if l.outcome != refused {
		return l.line
	}
	return l.record.AppendJSON(nil, 0)
}
