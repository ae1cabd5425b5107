package document

// Records of one source repeat most of their bytes: the keys, and with container
// logs also the whole description of the pod. A shape is what some records have
// in common: runs of msgpack that are the same byte for byte, with their JSON,
// and between them holes, where the values differ. A record that has a known
// shape costs a comparison and a copy for each run, and the encoding of the
// values in the holes; it needs no search for keys that come twice, for its keys
// are the shape's.
//
// Comparing bytes is enough: no msgpack value is the start of another one, so
// equal bytes in the same place are equal values.
type shape struct {
	values []value
	in     []byte // the body that was learned, without what stands in the holes
	out    []byte // its text from the head on, likewise
	runs   []run  // of in and out, the holes between them
	own    ownFields
	tags   int // how many tags had been seen when it was learned
	used   int // the turn in which it was last used
}

// value is one value of a shape's record; where it varies, it is a hole, and has
// no bytes in in and out.
type value struct {
	place
	varies bool
}

// run is the bytes before a hole, or after the last one.
type run struct {
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
func (s *shapes) append(e *Encoder, dst []byte, sec int64, nsec uint32, body []byte) (out []byte, n int) {
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
		if !startsWith(body, known.runs[0].in) {
			continue
		}
		dst = e.head.appendWithout(dst, known.own, sec, nsec)
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

// append appends the text after the head; e.src is the body, which starts with the
// first run. n is 0 if the shape does not fit.
func (s *shape) append(e *Encoder, dst []byte) (out []byte, n int) {
	src := e.src
	r := &s.runs[0]
	i := len(r.in)
	for j := 1; j < len(s.runs); j++ {
		dst = appendBlocks(dst, r.out)
		if i < len(src) && isText(src[i]) {
			dst, i = e.text(dst, i)
		} else {
			dst, i = e.value(dst, i, r.depth, r.path)
		}
		r = &s.runs[j]
		if i < 0 || !startsWith(src[i:], r.in) {
			return dst, 0
		}
		i += len(r.in)
	}
	return appendBlocks(dst, r.out), i
}
