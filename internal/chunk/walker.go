// Package chunk reads what Fluent Bit hands to an output: a chunk of log records in msgpack, back
// to back. Its input is the chunk's bytes; its output is, record by record, the event time and the
// place where the body begins, which aliases the chunk. A record's metadata, which OpenTelemetry's
// inputs alone fill, are passed over, as the built-in output does.
//
// It knows every form the core has used, in any encoding msgpack allows:
//
//	[time, {body}]                 Fluent Bit up to 1.9
//	[[time, {metadata}], {body}]   Fluent Bit 2.1 and later
//
// It never copies, never allocates but for an error, never recurses and never
// looks into a body; that is package document's work.
package chunk

import (
	"encoding/binary"
	"strconv"
)

// Record is what stands before a body, and where the body starts.
type Record struct {
	Sec    int64  // event time, seconds since 1970: 0 to MaxSec
	Nsec   uint32 // nanoseconds within the second: 0 to 999999999
	Offset int    // of the record's first byte in the chunk
	Body   []byte // from the body's first byte to the END OF THE CHUNK, aliasing it
}

// Walker goes through the records of one chunk. It does not look for the end of
// a body: whoever reads the body finds it anyway, and tells by Advance.
type Walker struct {
	chunk []byte
	pos   int // of the next record, or, within a record, of its body
	err   *CorruptError
}

// CorruptError says where a chunk stops making sense. What stands before
// Offset has been read well; nothing after it can be trusted.
type CorruptError struct {
	Offset int // bytes from the start of what was read
	Reason string
}

func (e *CorruptError) Error() string {
	return "corrupt chunk at byte " + strconv.Itoa(e.Offset) + ": " + e.Reason
}

// NewWalker returns a walker at the chunk's first record. The chunk must not
// change while the walker or its records are in use.
func NewWalker(chunk []byte) Walker {
	return Walker{chunk: chunk}
}

// Next fills r with the next record's header. It returns false at the chunk's end,
// and false with a *CorruptError, now and on every later call, where the bytes
// are not a record. Group markers (the core's own records with the seconds -1
// and -2) are passed over.
func (w *Walker) Next(r *Record) (bool, error) {
	if w.err != nil {
		return false, w.err
	}
	for w.pos < len(w.chunk) {
		body, marker, reason := readRecordHeader(w.chunk[w.pos:], r)
		if reason != "" {
			return false, w.corrupt(len(w.chunk)-len(body), reason)
		}
		r.Offset = w.pos
		w.pos = len(w.chunk) - len(body)
		if !marker {
			r.Body = body
			return true, nil
		}
		n, c := skip(body)
		if c != nil {
			return false, w.corrupt(w.pos+c.Offset, c.Reason)
		}
		w.pos += n
	}
	return false, nil
}

// Advance passes over the body of the record that Next gave; n is the body's
// length in bytes. It must be called once between two calls of Next. An n beyond
// the chunk's end, or a negative one, ends the walk with an error.
func (w *Walker) Advance(n int) {
	if n < 0 || n > len(w.chunk)-w.pos {
		_ = w.corrupt(w.pos, "a body's length lies outside the chunk")
		return
	}
	w.pos += n
}

func (w *Walker) corrupt(offset int, reason string) error {
	w.err = &CorruptError{Offset: offset, Reason: reason}
	return w.err
}

// readRecordHeader reads a record up to its body. Of a failure it gives the reason, and
// in rest the bytes from the failing one on.
func readRecordHeader(b []byte, r *Record) (rest []byte, marker bool, reason string) {
	// What Fluent Bit 5 writes is read at once: 92 92 d7 00 <time> 80.
	if len(b) > 13 && binary.BigEndian.Uint32(b) == 0x9292d700 && b[12] == 0x80 {
		return b[13:], eventTime(binary.BigEndian.Uint64(b[4:]), r), ""
	}
	n, rest, ok := ReadArrayHeader(b)
	if !ok {
		return b, false, "a record is not an array"
	}
	if n != 2 {
		return b, false, "a record has " + strconv.FormatUint(uint64(n), 10) +
			" elements instead of 2"
	}
	n, inner, ok := ReadArrayHeader(rest)
	if !ok { // [time, {body}]
		return readTime(rest, r)
	}
	if n != 2 {
		return rest, false, "a record's header has " + strconv.FormatUint(uint64(n), 10) +
			" elements instead of 2"
	}
	rest, marker, reason = readTime(inner, r)
	if reason != "" {
		return rest, false, reason
	}
	if _, _, ok := ReadMapHeader(rest); !ok {
		return rest, false, "a record's metadata is not a map"
	}
	size, c := skip(rest)
	if c != nil {
		return rest[c.Offset:], false, c.Reason
	}
	return rest[size:], marker, ""
}
