package document

import (
	"bytes"
	"slices"
)

// learn takes a record that had no known shape; t tells where the values stand in its body and in
// out, which its document ends.
func (s *shapes) learn(t *trace, body, out []byte) {
	if s.misses++; s.misses >= missesToRest {
		s.misses, s.rest = 0, restRecords
	}
	if !t.on || len(t.places) == 0 {
		return
	}
	k := s.find(t, body)
	if k < 0 {
		k = s.vacant()
		known := &s.known[k]
		known.slots = known.slots[:0]
		for _, p := range t.places {
			known.slots = append(known.slots, slot{place: p})
		}
	} else {
		s.known[k].vary(t, body, s.known[k].tags == s.tags)
	}
	known := &s.known[k]
	known.own, known.tags, known.used = t.own, s.tags, s.turn
	s.last = k
	if !known.keep(t, body, out[t.start:]) {
		s.known[k], s.known[len(s.known)-1] = s.known[len(s.known)-1], s.known[k]
		s.known = s.known[:len(s.known)-1]
		s.last = 0
	}
}

// find returns the shape with the record's keys, in their order, or -1.
func (s *shapes) find(t *trace, body []byte) int {
	for k := range s.known {
		if s.known[k].own == t.own && s.known[k].hasKeys(t, body) {
			return k
		}
	}
	return -1
}

// hasKeys compares all that stands between the values: keys and headers of maps.
func (s *shape) hasKeys(t *trace, body []byte) bool {
	if len(s.slots) != len(t.places) {
		return false
	}
	from, knownFrom := 0, 0
	for i := range t.places {
		p, v := &t.places[i], &s.slots[i]
		if !bytes.Equal(body[from:p.from], s.in[knownFrom:v.from]) {
			return false
		}
		from, knownFrom = p.to, v.to
	}
	return bytes.Equal(body[from:], s.in[knownFrom:])
}

// vary makes holes of the values that differ from the record's, if the
// record comes from the same source. Else they are only out of date.
func (s *shape) vary(t *trace, body []byte, sameSource bool) {
	for i := range t.places {
		p, v := &t.places[i], &s.slots[i]
		if sameSource && !v.varies && !bytes.Equal(body[p.from:p.to], s.in[v.from:v.to]) {
			v.varies = true
		}
	}
}

// vacant returns the index of a shape to learn into: a new one, or the one not used
// for longest.
func (s *shapes) vacant() int {
	if n := len(s.known); n < cap(s.known) {
		s.known = s.known[:n+1]
		return n
	} else if n < maxShapes {
		s.known = append(s.known, shape{})
		return n
	}
	oldest := 0
	for k := range s.known {
		if s.known[k].used < s.known[oldest].used {
			oldest = k
		}
	}
	return oldest
}

// keep copies what the shape has in common with the record, and divides it into
// constants. It tells whether there was room.
func (s *shape) keep(t *trace, body, text []byte) bool {
	s.in, s.out = s.in[:0], s.out[:0]
	from, textFrom := 0, 0
	for i := range t.places {
		p, v := t.places[i], &s.slots[i]
		p.textFrom -= t.start
		p.textTo -= t.start
		v.varies = v.varies || p.to-p.from > maxFixed
		until, textUntil := p.to, p.textTo
		if v.varies {
			until, textUntil = p.from, p.textFrom
		}
		if len(s.in)+until-from > maxShapeIn || len(s.out)+textUntil-textFrom > maxShapeOut {
			return false
		}
		at, textAt := len(s.in)-from, len(s.out)-textFrom
		s.in = append(s.in, body[from:until]...)
		s.out = append(s.out, text[textFrom:textUntil]...)
		v.place = place{at + p.from, at + until, textAt + p.textFrom, textAt +
			textUntil, p.depth, p.path}
		from, textFrom = p.to, p.textTo
	}
	if len(s.in)+len(body)-from > maxShapeIn || len(s.out)+len(text)-textFrom > maxShapeOut {
		return false
	}
	s.in = append(s.in, body[from:]...)
	s.out = append(s.out, text[textFrom:]...)
	s.out = slices.Grow(s.out, blockRoom)
	s.constants = s.constants[:0]
	from, textFrom = 0, 0
	for _, v := range s.slots {
		if v.varies {
			s.constants = append(s.constants,
				constant{s.in[from:v.from], s.out[textFrom:v.textFrom], v.depth, v.path})
			from, textFrom = v.from, v.textFrom
		}
	}
	s.constants = append(s.constants, constant{in: s.in[from:], out: s.out[textFrom:]})
	return true
}
