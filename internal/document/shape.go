package document

// Records of one source repeat most of their bytes: the keys, and with container
// logs also the whole description of the pod. A shape is what some records have
// in common: constants, runs of msgpack that are the same byte for byte, with
// their JSON, and between them holes, where the values differ. A record that has
// a known shape costs a comparison and a copy for each constant, and the encoding
// of the values in the holes; it needs no search for duplicate keys. Without
// shapes records take 1.2 (four fields) to 2.1 times as long (BenchmarkAppend).
//
// What is always true of a shape, and why its documents are right:
//
//   - It was learned of a record that was encoded in full, in which nothing was
//     dropped but added fields that are the record's own, which are those in own.
//   - The constants, one after another, are in and out: the learned body and its
//     text after the added fields, both without what stands in the holes.
//   - A hole is one value of a map, never a key, nor within a key or an array. Its
//     depth and path are those that Encoder.value had.
//   - A record has the shape if its bytes are the constants, with one value in each
//     hole. Comparing bytes is enough: no msgpack value is the start of another
//     one, so equal bytes in the same place are equal values. So it has the same
//     keys in the same maps, none of them twice, and the same fields of its own.
//   - out has blockRoom bytes of capacity beyond its end, for appendBlocks.
//   - A shape that does not fit leaves nothing behind but bytes beyond dst's length
//     and the encoder's keys and inKey, which appendNew resets.
type shape struct {
	slots     []slot
	in        []byte     // the body that was learned, without what stands in the holes
	out       []byte     // its text after the added fields, likewise
	constants []constant // of in and out, the holes between them
	own       ownFields
	tags      int // how many tags had been seen when it was learned
	used      int // the turn in which it was last used
}

// slot is one value of a shape's record; where it varies, it is a hole, and has
// no bytes in in and out.
type slot struct {
	place
	varies bool
}

// constant is the bytes, the same in each record, before a hole, or after the last one.
type constant struct {
	in, out []byte
	depth   int // of the hole
	path    *dedotNode
}

const (
	maxShapes   = 8       // what a node's containers need at a time, 200 KiB at most
	maxShapeIn  = 8 << 10 // bytes
	maxShapeOut = 16 << 10
	maxFixed    = 2 << 10 // a longer value is a hole from the start
	maxAttempts = 2       // at shapes that fit at first, then no longer

	missesToRest = 32  // if so many more records miss than hit, learning is not worth it
	restRecords  = 512 // and is left alone for so many
)

// shapes are the shapes an encoder knows. The memory they own is used again when
// one takes another's place.
type shapes struct {
	known  []shape
	last   int // index of the one that fitted last
	tags   int
	turn   int
	misses int // more than hits, lately
	rest   int // records to encode before the next look at shapes
}

// renew tells that the tag has changed: a value that has stayed the same so far may
// be another one from now on, without being a hole.
func (s *shapes) renew() { s.tags++ }

// resting tells, for each record once, whether shapes are left alone.
func (s *shapes) resting() bool {
	if s.rest > 0 {
		s.rest--
		return true
	}
	return false
}

// append appends a document as Encoder.Append does if the record has a known shape;
// else n is 0.
func (s *shapes) append(e *Encoder, dst []byte, sec int64, nsec uint32, body []byte) (out []byte,
	n int) {
	s.turn++
	start := len(dst)
	attempts := 0
	for k := range s.known {
		// the last one first, then all others
		if k == 0 {
			k = s.last
		} else if k <= s.last {
			k--
		}
		known := &s.known[k]
		if !startsWith(body, known.constants[0].in) {
			continue
		}
		dst = e.added.appendWithout(dst, known.own, sec, nsec)
		if dst, n = known.append(e, dst); n > 0 {
			s.last, known.used = k, s.turn
			s.misses = max(s.misses-1, 0)
			return dst, n
		}
		dst = dst[:start]
		if attempts++; attempts == maxAttempts {
			break
		}
	}
	return dst, 0
}

// append appends the text after the added fields; e.src is the body, which starts with the
// first constant. n is 0 if the shape does not fit.
func (s *shape) append(e *Encoder, dst []byte) (out []byte, n int) {
	src := e.src
	r := &s.constants[0]
	i := len(r.in)
	for j := 1; j < len(s.constants); j++ {
		dst = appendBlocks(dst, r.out)
		if i < len(src) && isText(src[i]) {
			dst, i = e.text(dst, i)
		} else {
			dst, i = e.value(dst, i, r.depth, r.path)
		}
		r = &s.constants[j]
		if i < 0 || !startsWith(src[i:], r.in) {
			return dst, 0
		}
		i += len(r.in)
	}
	return appendBlocks(dst, r.out), i
}
