package deliver

import (
	"container/list"
	"sync"

	"github.com/zeebo/xxh3"
)

// ledger remembers what Fluent Bit does not tell: that a chunk came before. It keeps two things
// about a chunk, under a hash of its tag and bytes:
//
//   - Which records are settled, for a chunk that goes back with RETRY: when it returns, only the
//     rest is sent. This is what keeps records from being stored twice where a document cannot have
//     an id of ours. With it goes how often the chunk returned, and how often because of a panic.
//   - How often the same bytes were settled before, for chunks with times no finer than a
//     millisecond. Fluent Bit never sends a chunk again that was answered OK, so equal bytes after
//     that, or while the first is under way, are new lines that happen to be equal, and they need
//     ids of their own.
//
// It is in memory and bounded: a chunk that it has forgotten is sent whole, and its ids keep it
// from being stored twice. After a restart a chunk with coarse times counts as the first of its
// bytes again: one that is new, but equal to one that was settled before the restart, is taken for
// that.
type ledger struct {
	mu     sync.Mutex // guards the rest
	chunks map[chunkKey]*chunkEntry
	// numbered and kept are the entries with no flush under way, the oldest first: those that hold
	// a number alone, and those with a chunk that will return.
	numbered, kept list.List
	evictions      int
	limit          int
}

type chunkKey struct{ hi, lo, tag uint64 }

// chunkEntry is what is known of the chunks of one tag and the same bytes.
type chunkEntry struct {
	key  chunkKey
	next uint32 // the number that the next of them gets
	kept []keptChunk
	busy int           // flushes under way
	in   *list.List    // numbered or kept, or nil while flushes are under way
	at   *list.Element // in that list
}

// keptChunk is a chunk that went back with RETRY.
type keptChunk struct {
	number          uint32
	settled         bitmap
	returns, panics int
}

// lease is one flush's hold on its chunk's entry. It ends with the first call of done, keep or
// panicked; further ones do nothing.
type lease struct {
	keptChunk // what earlier flushes of the chunk left; settled is nil where they settled nothing
	ledger    *ledger
	entry     *chunkEntry
	ended     bool
}

// ledgerLimit is how many chunks are remembered: some MiB, and hours of chunks with coarse times.
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
		e = &chunkEntry{key: key}
		l.chunks[key] = e
	}
	l.move(e, nil)
	e.busy++
	l.forget()
	c := &lease{ledger: l, entry: e}
	if len(e.kept) > 0 {
		c.keptChunk = e.kept[0]
		e.kept = e.kept[1:]
	} else {
		c.number = e.next
		e.next++
	}
	return c
}

// identity tells this chunk from others, and from an earlier one of the same bytes. The factor is
// not that by which bulk.IDs tells records apart, or the second record here would be the first one
// there.
func (c *lease) identity() uint64 {
	return (c.entry.key.lo ^ c.entry.key.tag) + uint64(c.number)*0xbf58476d1ce4e5b9
}

// done tells that the chunk was answered OK. coarse says that it held times no finer than a
// millisecond.
func (c *lease) done(coarse bool) { c.end(coarse, nil) }

// keep tells that the chunk goes back with RETRY, and which of its records are settled; nil for no
// more than when the flush began.
func (c *lease) keep(settled bitmap) {
	if settled == nil {
		settled = c.settled
	}
	c.end(true, []keptChunk{{c.number, settled, c.returns + 1, c.panics}})
}

// panicked is keep for a flush that ended in a panic.
func (c *lease) panicked(settled bitmap) {
	c.panics++
	c.keep(settled)
}

// end ends the lease. numbered says that the chunk's number has to be remembered.
func (c *lease) end(numbered bool, kept []keptChunk) {
	l, e := c.ledger, c.entry
	l.mu.Lock()
	defer l.mu.Unlock()
	if c.ended {
		return
	}
	c.ended = true
	e.kept = append(e.kept, kept...)
	e.busy--
	switch {
	case e.busy > 0:
	case len(e.kept) > 0:
		l.move(e, &l.kept)
	case numbered:
		l.move(e, &l.numbered)
	default:
		delete(l.chunks, e.key)
	}
	l.forget()
}

// move takes an entry to the end of a list; nil for none.
func (l *ledger) move(e *chunkEntry, to *list.List) {
	if e.in != nil {
		e.in.Remove(e.at)
	}
	if e.in = to; to != nil {
		e.at = to.PushBack(e)
	}
}

// forget drops the oldest entries over the limit, those with a chunk that will return last. One
// with a flush under way stays, so there may be as many more as there are workers.
func (l *ledger) forget() {
	for len(l.chunks) > l.limit {
		oldest := l.numbered.Front()
		if oldest == nil {
			if oldest = l.kept.Front(); oldest == nil {
				return
			}
			l.evictions++
		}
		e := oldest.Value.(*chunkEntry)
		l.move(e, nil)
		delete(l.chunks, e.key)
	}
}

// size returns how many chunks are remembered.
func (l *ledger) size() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.chunks)
}

// evicted returns how many chunks that were still to return were dropped because the ledger was
// full.
func (l *ledger) evicted() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.evictions
}

// bitmap is a set of record ordinals.
type bitmap []uint64

func (b bitmap) has(i int) bool { return i>>6 < len(b) && b[i>>6]>>(i&63)&1 == 1 }

func (b bitmap) set(i int) { b[i>>6] |= 1 << (i & 63) }

func newBitmap(n int) bitmap { return make(bitmap, (n+63)>>6) }
