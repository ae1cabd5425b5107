package document

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// keySpan is where a key and its value stand in the text. The text of one
// reaches up to the comma before the next.
type keySpan struct {
	start, end int // of the key with its quotes, in dst
	hash       uint32
	dropped    bool // a later key has the same name
}

const (
	manyKeys    = 64   // from here on, duplicates are found by sorting, lest many keys cost their square
	maxKeptKeys = 4096 // more than that is given back after the record
)

// pairs appends the pairs of a map whose header ends at i. The names of pairs
// that already stand in the object, if any, are in e.keys from first on. Of
// pairs with the same name only the last stays; a name is compared as it is
// written, after all conversions.
func (e *Encoder) pairs(dst []byte, i int, pairs uint32, first, depth int, path *dedotNode) ([]byte, int) {
	var seen uint64 // a bit for each hash seen; a new bit is a new name
	var duplicates bool
	for _, k := range e.keys[first:] {
		seen |= 1 << (k.hash & 63)
	}
	for n := uint32(0); n < pairs; n++ {
		if len(e.keys) > first {
			dst = append(dst, ',')
		}
		start := len(dst)
		if dst, i = e.key(dst, i, depth, path); i < 0 {
			return dst, i
		}
		k := keySpan{start: start, end: len(dst), hash: hashKey(dst[start+1 : len(dst)-1])}
		dst = append(dst, ':')
		bit := uint64(1) << (k.hash & 63)
		if seen&bit != 0 && len(e.keys)-first < manyKeys {
			duplicates = e.dropDuplicate(dst, k, first) || duplicates
		}
		seen |= bit
		e.keys = append(e.keys, k)
		sub := path.child(dst[start+1 : k.end-1])
		if dst, i = e.pairValue(dst, i, depth, sub); i < 0 {
			return dst, i
		}
	}
	if len(e.keys)-first > manyKeys {
		duplicates = e.dropDuplicates(dst, first) || duplicates
	}
	if duplicates {
		dst = e.compact(dst, first)
	}
	e.keys = e.keys[:first]
	return dst, i
}

// pairValue appends a value of a map, and notes in the trace where it stands,
// unless it is a map itself, whose values are noted one by one.
func (e *Encoder) pairValue(dst []byte, i, depth int, path *dedotNode) ([]byte, int) {
	from, textFrom := i, len(dst)
	if i < len(e.src) && isMap(e.src[i]) {
		if depth > 1 || e.trace.on {
			return e.object(dst, i, depth, path)
		}
		if text, n := e.memo.find(e.src[i:], path); n > 0 {
			return append(dst, text...), i + n
		}
		if dst, i = e.object(dst, i, depth, path); i >= 0 {
			e.memo.keep(e.src[from:i], dst[textFrom:], path)
		}
		return dst, i
	}
	if dst, i = e.value(dst, i, depth, path); i >= 0 {
		e.trace.note(place{from, i, textFrom, len(dst), depth, path})
	}
	return dst, i
}

func isMap(c byte) bool { return c&0xf0 == 0x80 || c == 0xde || c == 0xdf }

// key appends a map's key, which JSON wants to be a string: anything else is
// written as its JSON in quotes.
func (e *Encoder) key(dst []byte, i, depth int, path *dedotNode) ([]byte, int) {
	if i >= len(e.src) {
		return dst, e.corrupt(i)
	}
	start := len(dst) + 1
	switch c := e.src[i]; {
	case isText(c):
		dst, i = e.text(dst, i)
	case c >= 0xd4 && c <= 0xd8 || c >= 0xc7 && c <= 0xc9: // ext, a string already
		dst, i = e.value(dst, i, depth, path)
	case c >= 0x80 && c < 0xa0 || c >= 0xdc && c <= 0xdf: // map, array: they have quotes to escape
		if e.inKey {
			return dst, e.refuse(errKeyDepth)
		}
		e.inKey = true
		traced := e.trace.pause()
		dst, i = e.value(dst, i, depth, path)
		e.trace.resume(traced)
		e.inKey = false
		inner := bytes.Clone(dst[start-1:])
		dst = append(dst[:start-1], '"')
		dst = appendText(dst, inner, 0, len(inner))
		dst = append(dst, '"')
	default: // nil, bool, numbers
		dst = append(dst, '"')
		dst, i = e.value(dst, i, depth, path)
		dst = append(dst, '"')
	}
	if i >= 0 && path.replaces() {
		underscore(dst[start:])
	}
	return dst, i
}

func underscore(key []byte) {
	for j, c := range key {
		if c == '.' {
			key[j] = '_'
		}
	}
}

// dropDuplicate marks the earlier key with k's name as dropped, if there is one.
func (e *Encoder) dropDuplicate(dst []byte, k keySpan, first int) bool {
	name := dst[k.start:k.end]
	for j := len(e.keys) - 1; j >= first; j-- {
		if o := &e.keys[j]; o.hash == k.hash && !o.dropped &&
			bytes.Equal(dst[o.start:o.end], name) {
			o.dropped = true
			return true
		}
	}
	return false
}

// dropDuplicates marks all keys but the last of each name as dropped.
func (e *Encoder) dropDuplicates(dst []byte, first int) (found bool) {
	keys := e.keys[first:]
	e.sort = e.sort[:0]
	for j := range keys {
		e.sort = append(e.sort, int32(j))
	}
	slices.SortFunc(e.sort, func(a, b int32) int {
		x, y := &keys[a], &keys[b]
		if c := cmp.Compare(x.hash, y.hash); c != 0 {
			return c
		}
		if c := bytes.Compare(dst[x.start:x.end], dst[y.start:y.end]); c != 0 {
			return c
		}
		return cmp.Compare(a, b)
	})
	for j := 1; j < len(e.sort); j++ {
		x, y := &keys[e.sort[j-1]], &keys[e.sort[j]]
		if x.hash == y.hash && bytes.Equal(dst[x.start:x.end], dst[y.start:y.end]) {
			x.dropped, found = true, true
		}
	}
	return found
}

// compact takes the dropped pairs out of the object whose keys start at first.
func (e *Encoder) compact(dst []byte, first int) []byte {
	keys := e.keys[first:]
	to := keys[0].start
	origin := to
	for j, k := range keys {
		end := len(dst)
		if j+1 < len(keys) {
			end = keys[j+1].start - 1
		}
		if k.dropped {
			continue
		}
		if to > origin {
			dst[to] = ','
			to++
		}
		to += copy(dst[to:], dst[k.start:end])
	}
	added := 0
	if first == 0 {
		added = e.added.fields()
	}
	e.trace.compacted(keys, added, len(dst)-to)
	return dst[:to]
}

// hashKey mixes a key's length and up to sixteen of its bytes. It is no
// protection from keys made to collide: those cost time, within manyKeys.
func hashKey(key []byte) uint32 {
	n := len(key)
	var a, b uint64
	switch {
	case n >= 8:
		a, b = binary.LittleEndian.Uint64(key), binary.LittleEndian.Uint64(key[n-8:])
	case n >= 4:
		a, b = uint64(binary.LittleEndian.Uint32(key)),
			uint64(binary.LittleEndian.Uint32(key[n-4:]))
	case n > 0:
		a, b = uint64(key[0])|uint64(key[n/2])<<8, uint64(key[n-1])
	}
	h := (a ^ uint64(n)) * 0x9e3779b97f4a7c15
	h = (h ^ h>>32 ^ b) * 0xd6e8feb86659fd93
	return uint32(h >> 32)
}
