package deliver

import (
	"runtime/debug"
	"sync"
	"time"

	"out_opensearch_irsa/internal/bulk"
)

const (
	// maxFree is how many flushes' buffers are kept at most.
	maxFree = 64
	// trimEvery is how often buffers that were not needed lately are given back.
	trimEvery = 30 * time.Second
)

// buffers keeps flushes, with their memory, for the next ones, and request bodies. What was not in
// use for half a minute to a minute goes back to the operating system.
type buffers struct {
	bodies sync.Pool // of *body

	mu    sync.Mutex // guards the rest
	free  []*flush
	idle  int // the fewest free ones since the last trim: so many were not needed
	timer *time.Timer
}

func (b *buffers) start(d *Deliverer) {
	b.bodies.New = func() any { return new(body) }
	b.timer = time.AfterFunc(trimEvery, func() {
		defer func() {
			if p := recover(); p != nil {
				d.recovered("giving memory back", p)
			}
		}()
		b.trim()
	})
}

func (b *buffers) stop() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timer != nil {
		b.timer.Stop()
		b.timer = nil
	}
}

// trim drops what was not needed since it was called last.
func (b *buffers) trim() {
	b.mu.Lock()
	dropped := b.idle
	clear(b.free[len(b.free)-dropped:])
	b.free = b.free[:len(b.free)-dropped]
	b.idle = len(b.free)
	if b.timer != nil {
		b.timer.Reset(trimEvery)
	}
	b.mu.Unlock()
	if dropped > 0 {
		debug.FreeOSMemory()
	}
}

// take returns a flush that is ready to be used, or nil.
func (b *buffers) take() *flush {
	b.mu.Lock()
	defer b.mu.Unlock()
	n := len(b.free)
	if n == 0 {
		return nil
	}
	f := b.free[n-1]
	b.free = b.free[:n-1]
	b.idle = min(b.idle, n-1)
	return f
}

func (b *buffers) giveBack(f *flush) {
	f.reset()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.free) < maxFree {
		b.free = append(b.free, f)
	}
}

// body is what one request's body is made in.
type body struct {
	lines      []byte       // of pieces that are compressed together
	compressed []byte       // those, compressed
	parts      []bulk.Piece // of the body, in order
	wire       []byte       // the body
	gzip       bulk.Compressor
}

func (b *buffers) body() *body { return b.bodies.Get().(*body) }

func (b *buffers) keepBody(buf *body) {
	clear(buf.parts) // they refer to flushes' memory
	if max(cap(buf.lines), cap(buf.compressed), cap(buf.wire)) <= keepBuffers {
		b.bodies.Put(buf)
	}
}
