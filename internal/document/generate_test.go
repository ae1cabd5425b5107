package document

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"

	"github.com/tinylib/msgp/msgp"
)

// generator draws records that have what real ones have, and all that they might have: every
// msgpack form, odd keys, the same key more than once, names of the fields that the encoder adds,
// text that is no UTF-8.
type generator struct{ *rand.Rand }

// node is a value of a record: a map or an array with what is in it, or else its msgpack.
type node struct {
	kind     nodeKind
	leaf     []byte
	children []*node // keys and values in turn, if it is a map
}

type nodeKind int

const (
	leafNode nodeKind = iota
	arrayNode
	mapNode
)

var keyNames = []string{"a", "b", "c", "log", "tag", "@timestamp", "a.b", "a_b", ".", "", "k",
	"labels", "l.x", "x\"y", "x\\y", "\xff", "\xfe", "\ufffd", "주문", "\n", "1", "1.5", "null", "true",
	"a_key_that_is_long_0_and_ends_alike", "a_key_that_is_long_1_and_ends_alike", "a_key_that_is_long_0_and_ends_alike.", "eight888", "nine99999"}

func (g generator) oneOf(n int) bool { return g.IntN(n) == 0 }

func pick[T any](g generator, from ...T) T { return from[g.IntN(len(from))] }

// options draws what an encoder is made with; its names are among the keys of records.
func (g generator) options() Options {
	o := Options{
		TimeKey:     pick(g, "", "@timestamp", "@timestamp", "a", "a.b", "x\"y", "\xff"),
		TimeFormat:  pick(g, "", "", "%Y-%m-%dT%H:%M:%S", "%s", "%d/%b/%y \"%H\" \xff", "%F"),
		TimeNanos:   g.oneOf(2),
		TagKey:      pick(g, "", "tag", "tag", "b", "1", "\ufffd", "a_b"),
		ReplaceDots: g.oneOf(4),
	}
	if repair([]byte(o.TagKey)) == repair([]byte(o.TimeKey)) {
		o.TagKey = ""
	}
	for range g.IntN(3) {
		o.Dedot = append(o.Dedot, pick(g, "k", "k.labels", "labels", "a", "a.b", "x\"y",
			"k.labels.a", "\xff", "1", "{\"a\":1}"))
	}
	return o
}

func (g generator) tag() string { return pick(g, "kube.x", "kube.y", "", "t\"\n", "\xff.주문") }

func (g generator) record() *node {
	switch {
	case g.oneOf(60):
		return g.value(0)
	case g.oneOf(60): // past the limits of depth, or just before
		return g.deep(maxDepth - 3 + g.IntN(6))
	case g.oneOf(60):
		return g.object(2, 50+g.IntN(100)) // from 64 keys on, doubles are found in another way
	case g.oneOf(3000):
		return g.object(9, maxKeptKeys-10+g.IntN(100))
	}
	return g.object(0, g.IntN(8))
}

func (g generator) deep(levels int) *node {
	n := g.value(9)
	for range levels {
		if g.oneOf(2) {
			n = &node{kind: arrayNode, children: []*node{n}}
		} else {
			n = &node{kind: mapNode, children: []*node{g.key(9), n}}
		}
	}
	return &node{kind: mapNode, children: []*node{g.key(9), n}}
}

func (g generator) object(depth, pairs int) *node {
	n := &node{kind: mapNode}
	for i := range pairs {
		key := g.key(depth)
		if pairs > 20 && g.oneOf(2) {
			key = &node{leaf: msgp.AppendString(nil, fmt.Sprint("key", i))}
		}
		n.children = append(n.children, key, g.value(depth+1))
	}
	return n
}

func (g generator) key(depth int) *node {
	switch g.IntN(24) {
	case 0:
		return g.value(depth + 3)
	case 1:
		return &node{leaf: g.scalar()}
	case 2:
		return &node{leaf: msgp.AppendBytes(nil, []byte(pick(g, keyNames...)))}
	}
	return &node{leaf: g.text(pick(g, keyNames...))}
}

func (g generator) value(depth int) *node {
	if depth < 4 {
		switch g.IntN(6) {
		case 0:
			return g.object(depth, g.IntN(5))
		case 1:
			n := &node{kind: arrayNode}
			for range g.IntN(4) {
				n.children = append(n.children, g.value(depth+1))
			}
			return n
		}
	}
	return &node{leaf: g.scalar()}
}

func (g generator) scalar() []byte {
	switch g.IntN(12) {
	case 0:
		return []byte{pick[byte](g, 0xc0, 0xc2, 0xc3)}
	case 1, 2: // an integer, in any width, however small
		v := g.Uint64() >> g.IntN(64)
		b := pick(g, []byte{byte(v) & 0x7f}, []byte{0xe0 | byte(v)}, []byte{0xcc, byte(v)},
			[]byte{0xd0, byte(v)})
		switch g.IntN(6) {
		case 0:
			b = binary.BigEndian.AppendUint16([]byte{pick[byte](g, 0xcd, 0xd1)}, uint16(v))
		case 1:
			b = binary.BigEndian.AppendUint32([]byte{pick[byte](g, 0xce, 0xd2)}, uint32(v))
		case 2:
			b = binary.BigEndian.AppendUint64([]byte{pick[byte](g, 0xcf, 0xd3)}, v)
		}
		return b
	case 3:
		v := pick(g, 0, math.Copysign(0, -1), 1.5, -2, 1e-6, 9.99e-7, 1e15, 1e21, 1e300, 5e-324,
			math.MaxFloat64, math.NaN(), math.Inf(1), math.Inf(-1),
			g.NormFloat64(), g.Float64()*1000, math.Round(g.Float64()*1e6)/1000, math.Ldexp(1,
				g.IntN(120)-60), math.Float64frombits(g.Uint64()))
		if g.oneOf(3) {
			return msgp.AppendFloat32(nil, float32(v))
		}
		return msgp.AppendFloat64(nil, v)
	case 4:
		return g.ext()
	case 5:
		return msgp.AppendBytes(nil, []byte(g.string()))
	}
	return g.text(g.string())
}

// ext draws an extension: mostly times, in and out of range.
func (g generator) ext() []byte {
	size := pick(g, 0, 1, 2, 3, 4, 8, 8, 12, 16, 20)
	data := make([]byte, size)
	for i := range data {
		data[i] = pick[byte](g, 0, 0, 0, 0x3a, byte(g.Uint32()))
	}
	kind := pick[byte](g, 0, 0, 0xff, 0xff, 5, 0x80)
	for i, fixed := range []int{1, 2, 4, 8, 16} {
		if size == fixed && g.oneOf(2) {
			return append([]byte{0xd4 + byte(i), kind}, data...)
		}
	}
	head := pick(g, []byte{0xc7, byte(size)}, []byte{0xc8, 0, byte(size)},
		[]byte{0xc9, 0, 0, 0, byte(size)})
	return append(append(head, kind), data...)
}

func (g generator) string() string {
	pieces := []string{"a", "plain text", "\"", "\\", "\n", "\x00", "\x1f", "\x7f", "é", "주", "😀",
		"\xff", "\xe4\xb8", "\xf0\x9f", "\xed\xa0\x80", "\xc0\x80", "\u2028", "<&>", "."}
	n := g.IntN(6)
	if g.oneOf(8) {
		return strings.Repeat(pick(g, pieces...), g.IntN(50))
	}
	if g.oneOf(150) {
		return strings.Repeat(pick(g, pieces...), maxPiece-2+g.IntN(5)) + pick(g, pieces...)
	}
	var b strings.Builder
	for range n {
		b.WriteString(pick(g, pieces...))
	}
	return b.String()
}

// text is a str in any form that has room for it.
func (g generator) text(s string) []byte {
	var b []byte
	switch n := len(s); {
	case n < 32 && !g.oneOf(8):
		b = []byte{0xa0 | byte(n)}
	case n < 256 && !g.oneOf(8):
		b = []byte{0xd9, byte(n)}
	case n < 1<<16 && !g.oneOf(8):
		b = binary.BigEndian.AppendUint16([]byte{0xda}, uint16(n))
	default:
		b = binary.BigEndian.AppendUint32([]byte{0xdb}, uint32(n))
	}
	return append(b, s...)
}

// change makes a record that has much in common with n, as the next line of a container has.
func (g generator) change(n *node) *node {
	c := *n
	if n.kind == leafNode {
		if g.oneOf(3) {
			return g.value(3)
		}
		c.leaf = g.scalar()
		return &c
	}
	c.children = append([]*node(nil), n.children...)
	if len(c.children) == 0 {
		return &c
	}
	i := g.IntN(len(c.children))
	if n.kind == mapNode && !g.oneOf(20) {
		i |= 1 // a value
	}
	switch {
	case n.kind == mapNode && g.oneOf(30): // the same key once more
		i &^= 1
		c.children = append(c.children, c.children[i], g.value(3))
	case n.kind == mapNode && g.oneOf(30): // without a pair
		i &^= 1
		c.children = append(c.children[:i:i], c.children[i+2:]...)
	case n.kind == mapNode && g.oneOf(30):
		c.children = append(c.children, g.key(3), g.value(2))
	default:
		c.children[i] = g.change(c.children[i])
	}
	return &c
}

// append appends n's msgpack. Headers are mostly the short ones, but any the seed says: the same
// seed gives the same bytes.
func (n *node) append(b []byte, wide uint64) []byte {
	size := len(n.children)
	switch n.kind {
	case leafNode:
		return append(b, n.leaf...)
	case mapNode:
		size /= 2
		b = appendSize(b, 0x80, 0xde, size, wide&3)
	case arrayNode:
		b = appendSize(b, 0x90, 0xdc, size, wide&3)
	}
	for i, c := range n.children {
		b = c.append(b, wide>>2+uint64(i)&wide)
	}
	return b
}

func appendSize(b []byte, short, long byte, size int, wide uint64) []byte {
	switch {
	case size < 16 && wide != 1 && wide != 3:
		return append(b, short|byte(size))
	case size < 1<<16 && wide != 3:
		return binary.BigEndian.AppendUint16(append(b, long), uint16(size))
	}
	return binary.BigEndian.AppendUint32(append(b, long+1), uint32(size))
}
