package deliver

import (
	"sync"

	"github.com/zeebo/xxh3"
)

// ledger remembers what Fluent Bit does not tell: that a chunk came before. It keeps two things about a chunk, under a hash of
// its tag and bytes:
//
//   - Which records are settled, for a chunk that goes back with RETRY: when it returns, only the rest is sent. This is what
//     keeps records from being stored twice where a document cannot have an id of ours.
//   - How often the same bytes came before, for chunks with times no finer than a millisecond. Fluent Bit never sends a chunk
//     again that was answered OK, so equal bytes after that, or while the first is under way, are new lines that happen to be
//     equal, and they need ids of their own.
//
// It is in memory and bounded: a chunk that it has forgotten is sent whole, and its ids keep it from being stored twice.
type ledger struct {
	mu     sync.Mutex // guards the rest
	chunks map[chunkKey]*chunkEntry
	// order is the keys by age, for forgetting the oldest; an entry may be in it whose chunk is gone.
	order []chunkKey
	limit int
}

type chunkKey struct{ hi, lo, tag uint64 }

type chunkEntry struct {
	next uint32 // the number that the next chunk of these bytes gets
	kept []keptChunk
	busy int // flushes under way
}

// keptChunk is a chunk that went back with RETRY.
type keptChunk struct {
	number  uint32
	settled bitmap
}

// lease is one flush's hold on its chunk's entry. It ends with done or keep.
type lease struct {
	ledger          *ledger
	key             chunkKey
	number          uint32
	returns, panics int // of this chunk: how often it came back, and for a panic
	// settled are the records that an earlier flush of the chunk settled; nil for none.
	settled bitmap
}

// ledgerLimit is how many chunks are remembered: about 2 MiB, and hours of chunks with coarse times.
const ledgerLimit = 16 << 10

func newLedger(limit int) *ledger {
	return &ledger{chunks: make(map[chunkKey]*chunkEntry), limit: limit}
}

// begin tells what is known of a chunk.
func (l *ledger) begin(tag string, chunk []byte) *lease {
	h := xxh3.Hash128(chunk)
	key := chunkKey{h.Hi, h.Lo, xxh3.HashString(tag)}
	l.mu.Lock()
	defer l.mu.Unlock()
	e := l.chunks[key]
	if e == nil {
		e = &chunkEntry{}
		l.chunks[key] = e
		l.order = append(l.order, key)
		l.forget()
	}
	e.busy++
	if len(e.kept) > 0 {
		k := e.kept[0]
		e.kept = e.kept[1:]
		return &lease{ledger: l, key: key, number: k.number, settled: k.settled}
	}
	e.next++
	return &lease{ledger: l, key: key, number: e.next - 1}
}

// identity tells this chunk from others, and from an earlier one of the same bytes.
func (c *lease) identity() uint64 {
	return c.key.lo ^ c.key.tag + uint64(c.number)*0x9e3779b97f4a7c15
}

// done tells that the chunk was answered OK. coarse says that it held times no finer than a millisecond.
func (c *lease) done(coarse bool) {
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	if e := c.end(); e != nil && !coarse && e.busy == 0 && len(e.kept) == 0 {
		delete(c.ledger.chunks, c.key)
	}
}

// keep tells that the chunk goes back with RETRY, and which of its records are settled; nil for none.
func (c *lease) keep(settled bitmap, panicked bool) {
	c.ledger.mu.Lock()
	defer c.ledger.mu.Unlock()
	e := c.end()
	switch {
	case e == nil:
	case settled == nil && c.number == 0 && e.next == 1:
		delete(c.ledger.chunks, c.key) // there is nothing to remember
	default:
		e.kept = append(e.kept, keptChunk{c.number, settled})
	}
}

func (c *lease) end() *chunkEntry {
	e := c.ledger.chunks[c.key]
	if e != nil {
		e.busy--
	}
	return e
}

// forget drops the oldest chunks over the limit. One that is under way or kept is spared once, and dropped when it is the
// oldest again.
func (l *ledger) forget() {
	spared := 0
	for len(l.chunks) > l.limit && len(l.order) > 0 {
		key := l.order[0]
		l.order = l.order[1:]
		e := l.chunks[key]
		if e != nil && (e.busy > 0 || len(e.kept) > 0) && spared < l.limit/2 {
			spared++
			l.order = append(l.order, key)
			continue
		}
		delete(l.chunks, key)
	}
	if len(l.order) > 4*l.limit { // keys whose chunks are gone
		live := l.order[:0]
		for _, key := range l.order {
			if l.chunks[key] != nil {
				live = append(live, key)
			}
		}
		l.order = live
	}
}

// size returns how many chunks are remembered.
func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.chunks)
}

// evictions is temporary until the ids branch is merged.
func (l *ledger) evictions() int { return 0 }

// bitmap is a set of record ordinals.
type bitmap []uint64

func (b bitmap) has(i int) bool { return i>>6 < len(b) && b[i>>6]>>(i&63)&1 == 1 }

func (b bitmap) set(i int) { b[i>>6] |= 1 << (i & 63) }

// with returns b, grown where needed, with i in it.
func (b bitmap) with(i int) bitmap {
	for i>>6 >= len(b) {
		b = append(b, 0)
	}
	b.set(i)
	return b
}

func newBitmap(n int) bitmap { return make(bitmap, (n+63)>>6) }
