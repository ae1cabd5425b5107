package multiline

import (
	"bytes"

	"out_opensearch_irsa/internal/chunk"
)

// A Role is what a record is.
type Role uint8

// The roles.
const (
	Alone Role = iota // a document by itself
	First             // the first line of a trace, which becomes the document of all its lines
	Rest              // a further line of a trace
)

// Joiner goes through the records of one chunk after another. It belongs to one flush at a time.
//
// Nothing is looked at but the text of each record, until one may begin a trace. From there on it
// reads ahead until no trace is open any more, so each record is read ahead once at most.
type Joiner struct {
	rules *Rules
	chunk []byte
	next  int // the ordinal of the record that Next is called with next

	ahead []line // what was read ahead
	base  int    // the ordinal of the first of them
	at    int    // of ahead: the record that Next is called with next
	open  []trace
	now   int // of ahead: the record that Next was called with last
}

// line is a record that was read ahead.
type line struct {
	record
	role  Role
	first int32 // of ahead: the trace's first line
	more  int32 // of ahead: the trace's next line; 0 for none
}

// trace is one whose end was not seen yet. Of ahead it has first, last and sure, which is the last
// line that surely belongs to it: those behind it are none of it unless a sure one follows.
type trace struct {
	source            uint64
	rule              int
	state             state
	first, last, sure int32
	lines, bytes      int
}

// maxOpen bounds the traces that are open at a time, each of another stream: with more of them, the
// oldest one ends.
const maxOpen = 256

// keepLines bounds the memory that is kept between chunks, in records.
const keepLines = 1 << 15

// NewJoiner returns a Joiner for rules.
func NewJoiner(rules *Rules) *Joiner { return &Joiner{rules: rules} }

// Start begins a chunk.
func (j *Joiner) Start(chunk []byte) {
	j.chunk, j.next, j.at, j.open = chunk, 0, 0, j.open[:0]
	j.forget()
}

func (j *Joiner) forget() {
	if cap(j.ahead) > keepLines {
		j.ahead = nil
	}
	clear(j.ahead) // they refer to the chunk
	j.ahead, j.at = j.ahead[:0], 0
}

// Next takes the chunk's next record, each of them in order, and tells what it is.
func (j *Joiner) Next(r *chunk.Record) Role {
	j.next++
	if j.at == len(j.ahead) {
		if len(j.ahead) > 0 {
			j.forget()
		}
		text, ok := find(r.Body, j.rules.key)
		if !ok {
			return Alone
		}
		if _, _, ok := j.rules.start(trimEnd(text)); !ok {
			return Alone
		}
		j.read(r.Offset)
		if len(j.ahead) == 0 { // the chunk is damaged in this record
			return Alone
		}
	}
	j.now = j.at
	j.at++
	return j.ahead[j.now].role
}

// First is the ordinal, among the chunk's records, of the first line of the trace that the last
// record is a further line of.
func (j *Joiner) First() int { return j.base + int(j.ahead[j.now].first) }

// Lines is how many lines the trace has that the last record is the first line of.
func (j *Joiner) Lines() (n int) {
	for n = 1; j.ahead[j.now].more > 0 && n <= len(j.ahead); n++ {
		j.now = int(j.ahead[j.now].more)
	}
	j.now = j.at - 1
	return n
}

// AppendBody appends the body of the document of the trace that the last record is the first line
// of: that record's own with the text of all lines, line feeds between them. n is the size of the
// record's own.
func (j *Joiner) AppendBody(dst []byte) (out []byte, n int) {
	first := &j.ahead[j.now]
	body := first.body
	dst = append(dst, body[:first.valueFrom]...)
	dst = append(dst, 0xdb, 0, 0, 0, 0) // str 32
	start := len(dst)
	l := first
	for ; l.more > 0; l = &j.ahead[l.more] {
		dst = append(dst, l.text...)
		if !bytes.HasSuffix(l.text, []byte("\n")) {
			dst = append(dst, '\n')
		}
	}
	dst = append(dst, l.text...)
	size := len(dst) - start
	dst[start-4], dst[start-3], dst[start-2], dst[start-1] = byte(size>>24), byte(size>>16),
		byte(size>>8), byte(size)
	return append(dst, body[first.valueTo:]...), len(body)
}

// read reads ahead, from the record at an offset of the chunk on, until no trace is open.
func (j *Joiner) read(from int) {
	j.base = j.next - 1
	w := chunk.NewWalker(j.chunk[from:])
	var r chunk.Record
	for {
		if ok, err := w.Next(&r); !ok || err != nil {
			break
		}
		n, err := chunk.Skip(r.Body)
		if err != nil {
			break
		}
		w.Advance(n)
		j.ahead = append(j.ahead, line{record: readRecord(r.Body[:n], j.rules.key)})
		j.take(int32(len(j.ahead) - 1))
		if len(j.open) == 0 {
			break
		}
	}
	for len(j.open) > 0 {
		j.close(0)
	}
}

// take puts a line where it belongs.
func (j *Joiner) take(i int32) {
	l := &j.ahead[i]
	text := trimEnd(l.text)
	at := 0
	for at < len(j.open) && j.open[at].source != l.source {
		at++
	}
	if !l.hasText {
		if at < len(j.open) {
			j.close(at)
		}
		return
	}
	if at < len(j.open) {
		t := &j.open[at]
		s, v := j.rules.rules[t.rule].next(t.state, text)
		switch {
		case v != no && t.lines < j.rules.maxLines && t.bytes+1+len(l.text) <= j.rules.maxBytes:
			j.ahead[t.last].more, l.first = i, t.first
			t.state, t.last, t.lines, t.bytes = s, i, t.lines+1, t.bytes+1+len(l.text)
			if v == yes {
				t.sure = i
			}
			return
		case v == yes: // the document is full
			rule, source := t.rule, t.source
			j.close(at)
			j.begin(i, source, rule, s)
			return
		}
		j.close(at)
	}
	if rule, s, ok := j.rules.start(text); ok {
		j.begin(i, l.source, rule, s)
	}
}

func (j *Joiner) begin(i int32, source uint64, rule int, s state) {
	if len(j.open) == maxOpen {
		j.close(0)
	}
	l := &j.ahead[i]
	l.first = i
	j.open = append(j.open, trace{source: source, rule: rule, state: s, first: i, last: i, sure: i,
		lines: 1, bytes: len(l.text)})
}

// close ends an open trace.
func (j *Joiner) close(at int) {
	t := j.open[at]
	j.open = append(j.open[:at], j.open[at+1:]...)
	j.ahead[t.sure].more = 0
	if t.sure == t.first {
		return
	}
	for i := t.first; ; i = j.ahead[i].more {
		j.ahead[i].role = Rest
		if i == t.sure {
			break
		}
	}
	j.ahead[t.first].role = First
}
