package replay

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/identity"
	"out_opensearch_irsa/internal/opensearch"
)

const (
	// attempts is how often items that the domain cannot take now are sent without one of them
	// being settled, with a growing pause in between: half a minute together.
	attempts = 6
	// longestPause holds Retry-After to what a person waits for.
	longestPause = time.Minute
	// maxItems is how many are sent together at most.
	maxItems = 1000
	// lineSize is about what an action line takes besides the id, in bytes.
	lineSize = 100
)

var errInterrupted = errors.New("interrupted: what was not sent stays; run it again to go on")

// sender stores items' documents, each in its index.
type sender struct {
	client     *opensearch.Client
	identity   *identity.Identity // nil with AWS_Auth Off
	batch      *bulk.Batch
	compressor *bulk.Compressor // nil without Compress gzip
	operation  string
	pipeline   string // of all; "" where records name theirs, or none
	limit      int    // bytes of a request's body
	withoutIDs bool   // the domain refused ids
	log        io.Writer
	pause      func(context.Context, time.Duration) error
}

func newSender(cfg *config.Config, client *opensearch.Client, id *identity.Identity,
	log io.Writer) *sender {
	s := &sender{
		client: client, identity: id, batch: bulk.NewBatch(cfg.WriteOperation, false),
		operation: cfg.WriteOperation, limit: cfg.MaxRequestSize, log: log, pause: sleep,
	}
	if cfg.Gzip {
		s.compressor = new(bulk.Compressor)
	}
	if len(cfg.Pipeline) > 0 && cfg.Pipeline[0] != '$' {
		s.pipeline = cfg.Pipeline
	}
	return s
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return errInterrupted
	}
}

// send sends those items that are unsent, and gives each its outcome. After an error some are
// unsent still. Each request is for one index, which some domains insist on.
func (s *sender) send(ctx context.Context, items []*item) error {
	unsentOnes := slices.DeleteFunc(slices.Clone(items),
		func(l *item) bool { return l.outcome != unsent })
	slices.SortStableFunc(unsentOnes,
		func(a, b *item) int { return cmp.Compare(a.record.Index, b.record.Index) })
	for len(unsentOnes) > 0 {
		n, size := 0, 0
		for n < len(unsentOnes) && unsentOnes[n].record.Index == unsentOnes[0].record.Index {
			size += len(unsentOnes[n].record.Document) + len(unsentOnes[n].record.ID) + lineSize
			if n > 0 && size > s.limit {
				break
			}
			n++
		}
		if err := s.sendGroup(ctx, unsentOnes[:n]); err != nil {
			return err
		}
		unsentOnes = unsentOnes[n:]
	}
	return nil
}

// sendGroup sends items for one index until each has its outcome. It ends: each round settles a
// item or is one of a few attempts, and parts of a group are smaller than the group.
func (s *sender) sendGroup(ctx context.Context, items []*item) error {
	for attempt := 1; ; attempt++ {
		if ctx.Err() != nil {
			return errInterrupted
		}
		// What is under way is waited for, so that it is known what became of it: it ends with
		// Request_Timeout.
		res := s.client.Bulk(context.WithoutCancel(ctx), s.request(items))
		var why error
		if res.Failure == nil {
			left, unsettled := s.handleItems(ctx, items, &res)
			if why = unsettled; len(left) == 0 {
				return nil
			}
			if len(left) < len(items) {
				attempt = 0
			}
			items = left
		} else if done, err := s.handleFailure(ctx, items, &res); done || err != nil {
			return err
		} else {
			why = res.Failure
		}
		if why == nil {
			continue // without ids now
		}
		if attempt >= attempts {
			return fmt.Errorf("the domain does not take them now: %w", why)
		}
		pause := attemptPause(attempt, res.RetryAfter)
		_, _ = fmt.Fprintf(s.log, "the domain does not take %d dead letters now, the next "+
			"attempt is in %s: %v\n",
			len(items), pause, why)
		if err := s.pause(ctx, pause); err != nil {
			return err
		}
	}
}

// attemptPause is how long to wait after an attempt.
func attemptPause(attempt int, retryAfter time.Duration) time.Duration {
	return min(max(retryAfter, time.Second<<attempt/2), longestPause)
}

// request makes the bulk request of items for one index.
func (s *sender) request(items []*item) *opensearch.Request {
	s.batch.Reset(s.limit)
	for _, l := range items {
		r := l.record
		var meta bulk.Meta
		if r.ID != "" && !s.withoutIDs {
			meta.ID = quote(r.ID)
		}
		if r.Routing != "" {
			meta.Routing = quote(r.Routing)
		}
		s.batch.Begin([]byte(r.Index), &meta, 0)
		s.batch.Buf = append(s.batch.Buf, r.Document...)
		s.batch.End(nil)
	}
	req := &opensearch.Request{
		Index: items[0].record.Index, Pipeline: s.pipeline, Body: s.batch.Buf, Items: len(items),
	}
	if s.compressor != nil {
		req.Body, req.Gzip = s.compressor.Compress(nil, s.batch.Buf), true
	}
	return req
}

func quote(s string) []byte {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string can always be encoded
	}
	return b
}

// handleFailure deals with a request that failed as a whole. done says that its items are settled;
// if not, and without an error, the request may pass later.
func (s *sender) handleFailure(ctx context.Context, items []*item,
	res *opensearch.Result) (done bool, err error) {
	f := res.Failure
	switch {
	case (f.Effect.Has(opensearch.Shrink) || f.Effect.Has(opensearch.Halve)) && len(items) == 1:
		items[0].refuse(f.Status, f.Kind.String(), f.Summary, f.Remedy)
		return true, nil
	case f.Effect.Has(opensearch.Shrink) || f.Effect.Has(opensearch.Halve):
		half := len(items) / 2
		if err := s.sendGroup(ctx, items[:half]); err != nil {
			return true, err
		}
		return true, s.sendGroup(ctx, items[half:])
	case f.Effect.Has(opensearch.RenewCredentials) && s.identity != nil:
		s.identity.Invalidate(f.AccessKeyID)
		return false, nil
	case f.Effect.Has(opensearch.CorrectClock) && s.identity != nil:
		s.identity.Observe(res.Date)
		return false, nil
	case passes(f.Kind):
		return false, nil
	}
	return false, f
}

// passes tells whether what a domain cannot do now is likely to pass within the attempts; what
// needs a person is told at once.
func passes(k opensearch.Kind) bool {
	switch k {
	case opensearch.Throttled, opensearch.Unavailable, opensearch.Conflict, opensearch.Timeout, opensearch.Reset,
		opensearch.ConnectRefused, opensearch.Unreachable, opensearch.DNS, opensearch.BadAnswer:
		return true
	}
	return false
}

// handleItems gives items the outcomes that an answer says. It returns those that have to be sent
// again, and why: nil where they may be sent at once.
func (s *sender) handleItems(ctx context.Context, items []*item,
	res *opensearch.Result) (left []*item, why error) {
	var taken []*item
	withoutIDs := s.withoutIDs
	for i, l := range items {
		it := opensearch.Item{Verdict: opensearch.Delivered}
		if res.Items != nil {
			it = res.Items[i]
		}
		switch {
		case it.Duplicate && ownID(l.record):
			taken = append(taken, l)
		case it.Duplicate:
			l.outcome = existed
		case it.Verdict == opensearch.Delivered:
			l.outcome = replayed
		case it.Effect.Has(opensearch.DropIDs) && !s.withoutIDs && s.operation != "update" && s.operation != "upsert":
			withoutIDs = true
			left = append(left, l)
		case it.Verdict == opensearch.Retry && passes(it.Kind):
			left = append(left, l)
			why = &notNow{it}
		default:
			_, remedy := s.client.Explain(it)
			l.refuse(it.Status, it.Type, it.Reason, remedy)
		}
	}
	s.withoutIDs = withoutIDs
	if len(taken) > 0 {
		s.compare(ctx, taken)
	}
	return left, why
}
