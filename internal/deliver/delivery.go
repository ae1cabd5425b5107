package deliver

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/opensearch"
)

// The pause before round n is drawn from 0 to min(maxBackoff, backoffStep·2ⁿ): full jitter, so that
// the nodes of a cluster do not come back together (Brooker, "Exponential Backoff And Jitter", AWS
// Architecture Blog 2015).
const (
	backoffStep = 100 * time.Millisecond
	maxBackoff  = 5 * time.Second
)

// maxAtOnce is how often one flush sends again at once, because something was fixed meanwhile.
const maxAtOnce = 4

// delivery takes the items of one batch to the domain: a chunk's documents, or its dead-letter
// records. It sends what is pending, in requests of the size that the domain takes, and does what
// the verdict table says of the answer, until all is settled or the flush's time is up. One flush
// at a time uses it, and its memory is used again by the next.
type delivery struct {
	d     *Deliverer
	batch *bulk.Batch
	tag   string
	// reject is called for an item that the domain will not take. It sees to the item from then on.
	reject func(item int32, it opensearch.Item)
	// began is when the flush did: what the domain has taken since shows that it is not to blame
	// for what it refuses.
	began time.Time

	pending    []int32   // items still to be sent, in order
	retry      []int32   // items that the current round could not settle
	work       [][]int32 // what the current round still has to send
	first      *result   // of all that is pending, which was sent already; nil for none
	settled    bitmap
	ownIDs     bitmap // items whose id is the record's own; nil where none is
	compare    []int32
	round      int
	alone      bool   // the next request is shared with nobody
	refused    int    // requests of this round that were refused for one of their items
	suspects   bitmap // items that were refused alone; nil where none was
	returned   bool   // an earlier flush of the chunk went back,
	tookOthers bool   // and the domain had taken some of it
	pipeline   string // in the requests' query; "" for none
	// ambiguous tells that an answer was lost, and what was in the request may be stored.
	ambiguous bool
	accepted  bool // the domain took one of the items

	gzip          bulk.Compressor
	scratch, wire []byte
}

// reset makes the delivery ready for the next flush, which sets what it knows of its chunk by
// itself.
func (y *delivery) reset() {
	y.tag = ""
	y.batch.Reset(keepBuffers)
	y.pending, y.retry, y.compare = y.pending[:0], y.retry[:0], y.compare[:0]
	y.settled, y.ownIDs, y.suspects = nil, nil, nil
	y.round, y.first, y.alone, y.accepted = 0, nil, false, false
	for _, b := range []*[]byte{&y.scratch, &y.wire} {
		if cap(*b) > keepBuffers {
			*b = nil
		}
	}
}

// outcome is what a round, or one request of it, tells the loop besides what became of the items.
type outcome struct {
	retryAfter time.Duration
	atOnce     bool // something was fixed: it is worth sending again at once
	stop       bool // the next request would fail as this one did
}

// run sends what is pending until it is settled or Retry_Budget is used up, and tells whether all
// of it is settled. A flush that is the circuit breaker's probe sends one round.
func (y *delivery) run(ctx context.Context, probe bool) bool {
	d := y.d
	deadline := y.began.Add(d.cfg.RetryBudget)
	atOnce := 0
	for len(y.pending) > 0 {
		o := y.sendRound(ctx)
		o.atOnce = y.compareDocuments(ctx) || o.atOnce
		y.pending, y.retry = y.retry, y.pending[:0]
		if len(y.pending) == 0 {
			break
		}
		y.round++
		if o.atOnce && atOnce < maxAtOnce {
			atOnce++
			continue
		}
		pause := jitter(y.round)
		if o.retryAfter > 0 {
			pause = o.retryAfter + rand.N(o.retryAfter/4+1) // so that agents that were told the same do not come back at the same moment
		}
		if probe && d.breaker.isOpen() || time.Now().Add(pause).After(deadline) ||
			!wait(ctx, pause) {
			d.breaker.recordFailure(y.began, o.retryAfter)
			return false
		}
	}
	return true
}

// jitter draws the pause before round n.
func jitter(n int) time.Duration { return rand.N(min(maxBackoff, backoffStep<<min(n, 10))) }

// sendRound sends each pending item once, and collects in y.retry those that have to be sent again.
// A request that one of its items may be to blame for is halved; one that fails as a whole
// otherwise ends the round.
func (y *delivery) sendRound(ctx context.Context) (all outcome) {
	y.retry, y.refused = y.retry[:0], 0
	if y.work = append(y.work[:0], y.pending); y.first == nil {
		y.work = append(y.work[:0], y.byIndex(y.pending)...)
	}
	for len(y.work) > 0 {
		group := y.work[len(y.work)-1]
		y.work = y.work[:len(y.work)-1]
		if n := y.batch.Cut(group, y.d.size.limit(), len(group)); n < len(group) && y.first == nil {
			y.work = append(y.work, group[n:])
			group = group[:n]
		}
		if all.stop {
			y.retry = append(y.retry, group...)
			continue
		}
		o := y.send(ctx, group)
		all.retryAfter = max(all.retryAfter, o.retryAfter)
		all.atOnce = all.atOnce || o.atOnce
		all.stop = o.stop
	}
	return all
}

// byIndex splits items by their index where requests may not name one on their lines.
func (y *delivery) byIndex(items []int32) [][]int32 {
	if !y.d.withoutIndex.Load() {
		return [][]int32{items}
	}
	y.batch.DropIndex()
	return y.batch.ByIndex(items)
}

// send makes one request of the items in group and settles those that the answer settles.
func (y *delivery) send(ctx context.Context, group []int32) outcome {
	d := y.d
	res := y.first
	if y.first = nil; res == nil {
		res = d.committer.send(y.piece(group))
	}
	switch {
	case res.panicked != nil:
		panic(res.panicked)
	case res.unsent:
		y.retry = append(y.retry, group...)
		return outcome{stop: true}
	}
	y.alone = false
	if y.round > 0 {
		d.counts.SentAgain.Add(len(group))
	}
	switch {
	case res.Failure != nil:
		return y.handleRequestFailure(ctx, group, res)
	case res.Delivered:
		y.settleAll(group)
		return outcome{}
	default:
		return y.handleItems(group, res)
	}
}

// firstPiece is all that is pending as one piece; nil where that is nothing, or more than one
// request.
func (y *delivery) firstPiece() *piece {
	if len(y.pending) == 0 || y.d.withoutIndex.Load() ||
		y.batch.Cut(y.pending, y.d.size.limit(), len(y.pending)) < len(y.pending) {
		return nil
	}
	return y.piece(y.pending)
}

// settleAll settles the items of a request that went through in full.
func (y *delivery) settleAll(group []int32) {
	for _, i := range group {
		y.settled.set(int(i))
	}
	y.d.counts.Stored.Add(len(group))
	y.accept()
	y.markRecovered(group)
}

// piece makes the lines of the items in group ready for a request.
func (y *delivery) piece(group []int32) *piece {
	cfg := y.d.cfg
	p := &piece{index: y.batch.Path(group[0]), pipeline: y.pipeline, items: len(group),
		alone: y.alone}
	p.lines, y.scratch = y.batch.Body(group, y.scratch)
	p.size = len(p.lines)
	if cfg.TraceOutput {
		fmt.Printf("POST %s%s index=%s pipeline=%s\n%s", cfg.Endpoint, cfg.Path, p.index,
			p.pipeline, p.lines)
	}
	if cfg.Gzip && p.size >= compressAlone {
		p.gzip, y.wire = y.gzip.Piece(y.wire[:0], p.lines)
		p.lines = nil
	}
	return p
}

// accept tells that the domain settled one of the items.
func (y *delivery) accept() {
	y.accepted = true
	y.d.counts.RecordSuccess()
	y.d.breaker.recordSuccess()
}

// markRecovered tells that a request of the items in group went through in full: errors of whole
// requests have ended, and so have those of the same indices' items.
func (y *delivery) markRecovered(group []int32) {
	d := y.d
	if d.deliveryErrors.Any() {
		d.deliveryErrors.Recovered("delivery", func(deliveryError) bool { return true })
	}
	if !d.indexErrors.Any() {
		return
	}
	indices := map[string]bool{}
	for _, i := range group {
		indices[y.batch.Index(i)] = true
	}
	d.indexErrors.Recovered("delivery", func(e deliveryError) bool { return indices[e.index] })
}
