package deliver

import (
	"context"
	"sync"
	"time"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/opensearch"
)

// committer joins the pieces of flushes that wait at the same time into requests (group commit).
// Fluent Bit makes a chunk for each container each second, and a request costs node and cluster
// many times what its twenty lines do.
//
// While a request is under way, what comes gathers, and the next one takes it. So there is one
// request at a time while the pieces are small; more, as many as the limiter allows, once a
// request's worth has gathered (fullRequest), or a piece has waited for maxGather behind a request
// that is slow. Before a request that would start at once, there is a short wait for the other
// flushes, Linger at most, where several came side by side lately.
type committer struct {
	d      *Deliverer
	linger time.Duration

	mu          sync.Mutex // guards the rest
	limiter     limiter
	queue       []*piece // in order of arrival
	size        int      // of the pieces in queue
	concurrency concurrency
	timer       *time.Timer // calls dispatch when the first piece has waited long enough
	closed      bool
}

const (
	// fullRequest is how many bytes of lines are worth a request of their own: what a request costs
	// by itself is lost in them.
	fullRequest = 512 << 10
	// compressAlone is from how many bytes of lines on a flush compresses them by itself, side by
	// side with others. Fewer are compressed together by the request that takes them: one table of
	// codes for all of them costs less than one for each, and what they have in common is written
	// once.
	compressAlone = 64 << 10
	// maxGather is how long a small piece waits for a request under way before another one starts.
	maxGather = 250 * time.Millisecond
)

// piece is what one flush sends in one request: finished lines, which stay as they are until the
// result has come.
type piece struct {
	index    string     // in the request's path; "" where all lines name theirs
	pipeline string     // in the request's query; "" for none
	lines    []byte     // nil where they are compressed already
	gzip     bulk.Piece // of the lines, if so
	size     int        // of the lines, in bytes
	items    int
	alone    bool // shares a request with nobody

	came time.Time
	done func(*result)
}

// result is what became of a piece.
type result struct {
	opensearch.Result
	// shared tells that the request held other pieces too; size is that of all of them together,
	// before compression.
	shared bool
	size   int
	// unsent tells that the piece waited in vain for its turn, as long as a request may take.
	unsent bool
	// panicked is what a panic in sending brought; nil for none.
	panicked any
}

func newCommitter(d *Deliverer) *committer {
	c := &committer{d: d, linger: d.cfg.Linger, limiter: newLimiter()}
	c.timer = time.AfterFunc(time.Hour, c.wake)
	c.timer.Stop()
	return c
}

// enqueue has p sent, alone or with others. p.done gets what became of it, in another goroutine.
func (c *committer) enqueue(p *piece) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p.came = time.Now()
	c.queue = append(c.queue, p)
	c.size += p.size
	c.dispatch()
}

// send is enqueue for a caller who waits.
func (c *committer) send(p *piece) *result {
	answer := make(chan *result, 1)
	p.done = func(res *result) { answer <- res }
	c.enqueue(p)
	return <-answer
}

// enter and leave count the flushes under way: those that may still bring a piece.
func (c *committer) enter() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.concurrency.enter(time.Now())
}

func (c *committer) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.concurrency.leave()
}

func (c *committer) wake() {
	defer func() {
		if p := recover(); p != nil {
			c.d.recovered("starting a request", p)
		}
	}()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dispatch()
}

// inFlight is the number of requests under way, and limit how many may be.
func (c *committer) inFlight() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.limiter.inFlight
}

func (c *committer) limit() float64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.limiter.limit
}

// close ends the waiting: what is queued goes at once, into requests that fail.
func (c *committer) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	c.dispatch()
	c.timer.Stop()
}

// dispatch starts the requests that may go now, and sees to it that the others get their turn. c.mu
// is held.
func (c *committer) dispatch() {
	for len(c.queue) > 0 {
		now := time.Now()
		pause := c.d.cfg.RequestTimeout - now.Sub(c.queue[0].came)
		free, turn := c.limiter.inFlight < c.limiter.places(), c.limiter.pause(now)
		switch {
		case free && (turn <= 0 || c.closed):
			if pause = c.pause(now); pause <= 0 {
				pieces := c.take()
				began := c.limiter.begin()
				c.d.goroutines.run(func() { c.request(pieces, began) })
			}
		case pause <= 0:
			p := c.queue[0]
			c.queue, c.size = c.queue[1:], c.size-p.size
			go p.done(&result{unsent: true})
		case free:
			pause = min(pause, turn)
		}
		if pause > 0 {
			c.timer.Reset(pause)
			return
		}
	}
}

// pause is how long the queue is to wait for more pieces; 0 for no longer. c.mu is held.
func (c *committer) pause(now time.Time) time.Duration {
	waited := now.Sub(c.queue[0].came)
	switch {
	case c.closed || c.size >= min(fullRequest, c.d.size.limit()):
		return 0
	case c.limiter.inFlight > 0:
		return maxGather - waited
	case len(c.queue) >= c.concurrency.expected(now):
		return 0
	default:
		return c.linger - waited
	}
}

// take removes the pieces of the next request from the queue: the first one, and those behind it
// that go to the same place and fit. c.mu is held.
func (c *committer) take() []*piece {
	first := c.queue[0]
	limit := c.d.size.limit()
	var pieces []*piece
	rest := c.queue[:0]
	size := 0
	for i, p := range c.queue {
		fits := i == 0 || !first.alone && !p.alone && size+p.size <= limit &&
			p.index == first.index && p.pipeline == first.pipeline
		if !fits {
			rest = append(rest, p)
			continue
		}
		size += p.size
		pieces = append(pieces, p)
	}
	clear(c.queue[len(rest):])
	c.queue = rest
	c.size -= size
	return pieces
}

// request sends pieces in one request and gives each its result.
func (c *committer) request(pieces []*piece, began time.Time) {
	var res opensearch.Result
	size := 0
	defer func() {
		panicked := recover()
		if panicked != nil {
			c.d.recovered("sending a request", panicked)
		}
		c.mu.Lock()
		c.limiter.end(began, refused(&res))
		c.dispatch()
		c.mu.Unlock()
		for _, p := range pieces {
			p.done(&result{Result: p.share(&res), shared: len(pieces) > 1, size: size,
				panicked: panicked})
		}
	}()
	req := &opensearch.Request{Index: pieces[0].index, Pipeline: pieces[0].pipeline,
		Gzip: c.d.cfg.Gzip}
	buf := c.d.buffers.body()
	defer c.d.buffers.keepBody(buf)
	req.Body = c.join(buf, pieces)
	for _, p := range pieces {
		req.Items += p.items
		size += p.size
	}
	res = c.d.client.Bulk(c.d.ctx, req)
	c.d.counts.Request(outcomeOf(&res), res.Took, len(req.Body))
}

// join makes the request's body, in buf where it is not one piece's own lines.
func (c *committer) join(buf *body, pieces []*piece) []byte {
	if !c.d.cfg.Gzip {
		if len(pieces) == 1 {
			return pieces[0].lines
		}
		buf.wire = buf.wire[:0]
		for _, p := range pieces {
			buf.wire = append(buf.wire, p.lines...)
		}
		return buf.wire
	}
	buf.parts, buf.compressed = buf.parts[:0], buf.compressed[:0]
	for len(pieces) > 0 {
		n := 0
		buf.lines = buf.lines[:0]
		for n < len(pieces) && pieces[n].lines != nil {
			buf.lines = append(buf.lines, pieces[n].lines...)
			n++
		}
		if n > 0 {
			var part bulk.Piece
			part, buf.compressed = buf.gzip.Piece(buf.compressed, buf.lines)
			buf.parts = append(buf.parts, part)
		} else {
			buf.parts = append(buf.parts, pieces[0].gzip)
			n = 1
		}
		pieces = pieces[n:]
	}
	buf.wire = bulk.Join(buf.wire[:0], buf.parts)
	return buf.wire
}

// share takes the piece's part off the front of what is left of an answer's items, and returns the
// result that holds for the piece.
func (p *piece) share(res *opensearch.Result) opensearch.Result {
	mine := *res
	if res.Items == nil {
		return mine
	}
	mine.Items, res.Items = res.Items[:p.items], res.Items[p.items:]
	return mine
}

// refused is the share of a request's items that the domain refused because it has too much to do.
func refused(res *opensearch.Result) float64 {
	if res.Failure != nil {
		if res.Failure.Effect.Has(opensearch.Overload) {
			return 1
		}
		return 0
	}
	n := 0
	for i := range res.Items {
		if res.Items[i].Effect.Has(opensearch.Overload) {
			n++
		}
	}
	return float64(n) / float64(max(1, len(res.Items)))
}

// wait waits until ctx ends, or for pause, and tells whether all of pause has passed.
func wait(ctx context.Context, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
