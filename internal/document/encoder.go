// Package document turns the body of a log record, in msgpack, into the JSON document that
// OpenSearch indexes. Its input is bytes of a chunk; its output is text appended to the caller's
// buffer.
//
// Encoder.Append is quick by what successive records have in common (shapes, and a memo of maps);
// Encoder.AppendReference makes the same documents in the simplest way.
//
// What it appends is always valid JSON, in valid UTF-8, and never has a key
// twice in one object, whatever the chunk holds. It never allocates once warm,
// except for growing the caller's buffer and for errors.
package document

import (
	"fmt"

	"out_opensearch_irsa/internal/chunk"
)

// Options say what a document holds besides the record's body.
type Options struct {
	TimeKey     string   // name of the field for the event time, "@timestamp"; "" = none
	TimeFormat  string   // of that field, by strftime in UTC; "" = "%Y-%m-%dT%H:%M:%S". A fraction and "Z" follow
	TimeNanos   bool     // nine digits of fraction instead of three
	TagKey      string   // name of the field for the tag; "" = none
	ReplaceDots bool     // '.' becomes '_' in every key of the body
	Dedot       []string // paths of maps ("kubernetes.labels") under which '.' becomes '_' in keys
}

// DefaultTimeFormat is what an empty Options.TimeFormat stands for.
const DefaultTimeFormat = "%Y-%m-%dT%H:%M:%S"

// maxDepth is how deeply maps and arrays may nest, the body being the first
// level. OpenSearch itself takes 20 levels of objects by default.
const maxDepth = 100

// RejectError says why a well-formed record cannot become a document. Type is
// a word for metrics and dead letters, Reason a sentence for people.
type RejectError struct{ Type, Reason string }

func (e *RejectError) Error() string { return e.Type + ": " + e.Reason }

var (
	errNotMap = &RejectError{"body_not_a_map", "the record's body is not a map of keys and " +
		"values, so it cannot be a document"}
	errTooDeep = &RejectError{"nesting_too_deep", fmt.Sprintf("the record nests maps or arrays "+
		"more than %d levels deep", maxDepth)}
	errKeyDepth = &RejectError{"nesting_too_deep", "the record has a map or an array inside a " +
		"key that is itself a map or an array"}
)

// Encoder turns bodies into documents. It keeps what successive records have in
// common, so each worker has one of its own; it is not safe for concurrent use.
type Encoder struct {
	added addedFields
	dedot *dedotNode // nil if no key's dots are replaced anywhere

	src  []byte    // the body being encoded, up to the chunk's end; nil between records
	keys []keySpan // of the maps that are open, outermost first
	sort []int32   // for maps with very many keys
	fail failure   // why a method returned a negative position
	// inKey is set while a map or an array that is a key is encoded. Each level of such keys would
	// double the text of the one below it by escaping, so there is one level.
	inKey bool

	trace  trace
	shapes shapes
	memo   memo

	reference reference
}

// failure is the reason for which the encoding of a record stopped.
type failure struct {
	reject *RejectError // nil if the bytes are corrupt
	at     int          // of the value that is corrupt, relative to the body
}

// NewEncoder checks the options and returns an encoder for one worker.
func NewEncoder(o Options) (*Encoder, error) {
	added, err := newAddedFields(o)
	if err != nil {
		return nil, err
	}
	dedot, err := newDedot(o)
	if err != nil {
		return nil, err
	}
	reference, err := newReference(o)
	if err != nil {
		return nil, err
	}
	return &Encoder{added: added, dedot: dedot, reference: reference}, nil
}

// SetTag sets the tag of the records to come. A new tag is also taken as the
// sign that what records have in common (their pod, mostly) changes.
func (e *Encoder) SetTag(tag string) {
	e.reference.tag = tag
	if e.added.setTag(tag) {
		e.shapes.renew()
	}
}

// Append appends the document of one record to dst: one JSON object without a
// newline. body starts with the record's body and may go on after it; n is the
// number of bytes that belong to it. Time and tag come first; where the record
// has a field of that name itself, or any map has a key twice, the last one wins.
// dst and body are not kept. What dst has beyond its length, up to its capacity, may
// be written to.
//
// err is a *chunk.CorruptError, and n undefined, if the bytes are no msgpack (its
// Offset is relative to body), or a *RejectError, and n right, if the record is
// whole but cannot be a document. Either way dst comes back with the length it had.
func (e *Encoder) Append(dst []byte, sec int64, nsec uint32, body []byte) (out []byte, n int,
	err error) {
	e.src = body
	e.inKey, e.keys, e.trace.on = false, e.keys[:0], false
	resting := e.shapes.resting()
	if !resting {
		out, n = e.shapes.append(e, dst, sec, nsec, body)
	}
	if n == 0 {
		out, n, err = e.appendNew(dst, sec, nsec, !resting)
	}
	e.src = nil
	return out, n, err
}

// appendNew is Append for a record of no known shape.
func (e *Encoder) appendNew(dst []byte, sec int64, nsec uint32, learn bool) (out []byte, n int,
	err error) {
	e.inKey, e.keys = false, e.keys[:0] // a shape that did not fit leaves both anyhow
	out, n = e.document(dst, sec, nsec, learn)
	if cap(e.keys) > maxKeptKeys {
		e.keys, e.sort = nil, nil
	}
	if n < 0 {
		n, err = e.explain()
		return dst, n, err
	}
	if learn {
		e.shapes.learn(&e.trace, e.src[:n], out)
	}
	return out, n, nil
}

// document encodes e.src; position -1 means failure.
func (e *Encoder) document(dst []byte, sec int64, nsec uint32, traced bool) ([]byte, int) {
	pairs, rest, ok := chunk.ReadMapHeader(e.src)
	if !ok {
		return dst, e.refuse(errNotMap)
	}
	start := len(dst)
	dst = e.added.append(dst, sec, nsec)
	e.keys = e.added.appendKeys(e.keys, dst[start:], start)
	if traced {
		e.trace.begin(len(dst))
	}
	dst, i := e.pairs(dst, len(e.src)-len(rest), pairs, 0, 1, e.dedot)
	if i < 0 {
		return dst, i
	}
	return append(dst, '}'), i
}

// explain turns e.fail into the error and the body's length for Append's caller.
func (e *Encoder) explain() (n int, err error) {
	n, err = chunk.Skip(e.src) // it alone decides what is corrupt, and where
	if err != nil {
		return 0, err
	}
	if e.fail.reject != nil {
		return n, e.fail.reject
	}
	return 0, &chunk.CorruptError{Offset: e.fail.at, Reason: "a value cannot be read"}
}

// refuse notes that the record cannot be a document, and returns -1.
func (e *Encoder) refuse(why *RejectError) int {
	e.fail = failure{reject: why}
	return -1
}

// corrupt notes that there is no msgpack value at i, and returns -1.
func (e *Encoder) corrupt(i int) int {
	e.fail = failure{at: i}
	return -1
}
