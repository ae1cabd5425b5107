package document

import "bytes"

// memo remembers the text of maps that stand directly in a record, for records
// that differ too much to have shapes: whatever an application writes, its pod is
// described by the same map again and again. Without it those of
// BenchmarkAppend/k8s-mixed take 1.9 times as long.
type memo struct {
	known [4]memoEntry
	next  int // to be replaced
}

type memoEntry struct {
	in, out []byte // the map, and its text
	path    *dedotNode
}

const (
	minMemo = 32 // bytes; less is encoded as quickly
	maxMemo = 4 << 10
)

// find returns the text of the map at b's start and the map's length, 0 if it is
// not known.
func (m *memo) find(b []byte, path *dedotNode) (text []byte, n int) {
	for i := range m.known {
		k := &m.known[i]
		if len(k.in) > 0 && k.path == path && bytes.HasPrefix(b, k.in) {
			return k.out, len(k.in)
		}
	}
	return nil, 0
}

// keep copies a map and its text.
func (m *memo) keep(in, out []byte, path *dedotNode) {
	if len(in) < minMemo || len(in) > maxMemo || len(out) > 2*maxMemo {
		return
	}
	k := &m.known[m.next]
	m.next = (m.next + 1) % len(m.known)
	k.in, k.out, k.path = append(k.in[:0], in...), append(k.out[:0], out...), path
}
