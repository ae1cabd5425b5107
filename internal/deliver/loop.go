package deliver

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"

	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/internal/opensearch"
)

// The pause before round n is drawn from 0 to min(pauseTop, pauseStep·2ⁿ): full jitter, so that the nodes of a cluster do not
// come back together (Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog 2015).
const (
	pauseStep = 100 * time.Millisecond
	pauseTop  = 5 * time.Second
)

// refreshes is how often one flush gets new credentials, or corrects its clock, and sends at once.
const refreshes = 2

// run sends what is pending until it is settled or the flush's time is up, and tells whether all of it is settled. A flush that
// asks whether an outage is over does not wait for its end.
func (f *flush) run(ctx context.Context, asks bool) bool {
	d := f.d
	began := time.Now()
	deadline := began.Add(d.cfg.RetryBudget)
	fresh := 0
	for len(f.pending) > 0 {
		o := f.sendRound(ctx)
		f.pending, f.again = f.again, f.pending[:0]
		if len(f.pending) == 0 {
			break
		}
		f.round++
		if o.renewed && fresh < refreshes {
			fresh++
			continue
		}
		pause := max(o.retryAfter, jitter(f.round))
		if asks && d.outage.lasts() || time.Now().Add(pause).After(deadline) || !sleep(ctx, pause) {
			d.outage.failed(began, o.retryAfter)
			break
		}
	}
	return f.bury(ctx) && len(f.pending) == 0
}

// jitter draws the pause before round n.
func jitter(n int) time.Duration { return rand.N(min(pauseTop, pauseStep<<min(n, 10))) }

func sleep(ctx context.Context, pause time.Duration) bool {
	t := time.NewTimer(pause)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// outcome is what a round, or one request of it, tells the loop besides what became of the items.
type outcome struct {
	retryAfter time.Duration
	renewed    bool // the credentials, the clock or the ids were put right: it is worth sending at once
	stop       bool // the next request would fail as this one did
}

// sendRound sends each pending item once, in requests of the size that the domain takes, and collects in f.again those that
// have to be sent again. A request that is too large is halved; one that fails as a whole ends the round.
func (f *flush) sendRound(ctx context.Context) (all outcome) {
	f.again = f.again[:0]
	f.work = append(f.work[:0], f.pending)
	for len(f.work) > 0 {
		group := f.work[len(f.work)-1]
		f.work = f.work[:len(f.work)-1]
		if n := f.batch.Cut(group, int(f.d.size.Load()), len(group)); n < len(group) {
			f.work = append(f.work, group[n:])
			group = group[:n]
		}
		if all.stop {
			f.again = append(f.again, group...)
			continue
		}
		o := f.send(ctx, group)
		all.retryAfter = max(all.retryAfter, o.retryAfter)
		all.renewed = all.renewed || o.renewed
		all.stop = o.stop
	}
	return all
}

// send makes one request of the items in group and settles those that the answer settles.
func (f *flush) send(ctx context.Context, group []int32) outcome {
	d := f.d
	req := f.request(group)
	since, err := d.limiter.acquire(ctx)
	if err != nil {
		f.again = append(f.again, group...)
		return outcome{stop: true}
	}
	res := d.client.Bulk(ctx, req)
	d.counts.Request(outcomeOf(&res), res.Took, len(req.Body))
	if f.round > 0 {
		d.counts.SentAgain.Add(len(group))
	}
	d.limiter.release(since, loaded(&res))
	switch {
	case res.Failure != nil:
		return f.failed(group, &res)
	case res.Delivered:
		for _, i := range group {
			f.settled.set(int(i))
		}
		d.counts.Stored.Add(len(group))
		f.works(group)
		return outcome{}
	default:
		return f.judged(group, &res)
	}
}

// outcomeOf names a request's outcome for the metrics.
func outcomeOf(res *opensearch.Result) string {
	if res.Status == 0 && res.Failure != nil {
		return res.Failure.Kind.String()
	}
	return strconv.Itoa(res.Status)
}

// request makes the body of the items in group.
func (f *flush) request(group []int32) *opensearch.Request {
	cfg := f.d.cfg
	req := &opensearch.Request{Index: f.batch.Index(), Gzip: cfg.Gzip, Items: len(group)}
	if !strings.HasPrefix(cfg.Pipeline, "$") {
		req.Pipeline = cfg.Pipeline // else it is on each line
	}
	req.Body, f.scratch = f.batch.Body(group, f.scratch)
	if cfg.TraceOutput {
		fmt.Printf("POST %s%s index=%s pipeline=%s\n%s", cfg.Endpoint, cfg.Path, req.Index, req.Pipeline, req.Body)
	}
	if cfg.Gzip {
		f.wire = f.gz.Compress(f.wire[:0], req.Body)
		req.Body = f.wire
	}
	if f.d.identity != nil {
		sum := sha256.Sum256(req.Body)
		req.SHA256 = hex.EncodeToString(sum[:])
	}
	return req
}

// loaded tells whether an answer shows that the domain has too much to do.
func loaded(res *opensearch.Result) bool {
	if f := res.Failure; f != nil {
		return f.Kind == opensearch.Throttled || f.Kind == opensearch.Timeout || f.Kind == opensearch.Unavailable
	}
	for i := range res.Items {
		if res.Items[i].Kind == opensearch.Throttled {
			return true
		}
	}
	return false
}

// failed handles a request that failed as a whole.
func (f *flush) failed(group []int32, res *opensearch.Result) outcome {
	d, fail := f.d, res.Failure
	if fail.Kind == opensearch.TooLarge || fail.Kind == opensearch.Malformed {
		// A single document is to blame: the halves find out which.
		if len(group) > 1 {
			f.halve(group, fail)
			return outcome{}
		}
		f.reject(group[0], opensearch.Item{Status: fail.Status, Kind: fail.Kind, Type: fail.Kind.String(), Reason: fail.Summary})
		return outcome{}
	}
	f.again = append(f.again, group...)
	o := outcome{retryAfter: res.RetryAfter, stop: true}
	if fail.Kind == opensearch.Canceled {
		return o
	}
	switch {
	case d.identity == nil:
	case fail.Kind == opensearch.ExpiredToken || fail.Kind == opensearch.InvalidToken:
		o.renewed = d.identity.Invalidate(fail.AccessKeyID)
	case fail.Kind == opensearch.ClockSkew && !res.Date.IsZero():
		d.identity.Observe(res.Date)
		o.renewed = true
	}
	if !o.renewed || f.round > 0 || slices.Contains(d.troubles.Failing(), fail.Kind.String()) {
		d.troubles.Failed(fail.Kind.String(), "cannot deliver: "+fail.Error())
	} else {
		d.log.Warnf("%s: signing anew and sending at once", fail)
	}
	return o
}

// halve sends a group in two parts. What the domain refuses once it would refuse again, so the bound is kept for later
// requests too.
func (f *flush) halve(group []int32, fail *opensearch.Failure) {
	size := 0
	for _, i := range group {
		size += int(f.batch.Items[i].End - f.batch.Items[i].Start)
	}
	if fail.Kind == opensearch.TooLarge {
		if half := int64(max(size/2, 64<<10)); half < f.d.size.Load() {
			f.d.size.Store(half)
			f.d.log.Warnf("%s. Requests are cut to %d bytes from now on; Max_Request_Size %dK in the section spares the attempt", fail.Summary, half, half>>10)
		}
	}
	half := f.batch.Cut(group, size/2, len(group)-1)
	f.work = append(f.work, group[half:], group[:half])
}

// judged handles an answer that says something about each item.
func (f *flush) judged(group []int32, res *opensearch.Result) outcome {
	d := f.d
	o := outcome{retryAfter: res.RetryAfter}
	delivered, duplicates, again := 0, 0, 0
	explained := opensearch.None
	ofRecord := strings.HasPrefix(d.cfg.Pipeline, "$")
	for n, i := range group {
		it := &res.Items[n]
		if ofRecord && it.Kind == opensearch.Pipeline {
			it.Verdict = opensearch.Rejected // the record itself names a pipeline that is not there: nothing to wait for
		}
		switch it.Verdict {
		case opensearch.Delivered:
			f.settled.set(int(i))
			if it.Duplicate {
				duplicates++
			} else {
				delivered++
			}
		case opensearch.Rejected:
			f.reject(i, *it)
		default:
			f.again = append(f.again, i)
			again++
			if it.Kind == opensearch.DocumentID && f.goBare(it) {
				o.renewed = true
			} else if it.Kind != explained {
				f.explain(i, it)
				explained = it.Kind
			}
		}
		if d.cfg.TraceError && it.Verdict != opensearch.Delivered {
			d.log.Errorf("the answer to item %d of tag %s: %d %s: %s", i, f.tag, it.Status, it.Type, it.Reason)
		}
	}
	d.counts.Stored.Add(delivered)
	d.counts.Duplicates.Add(duplicates)
	if again < len(group) {
		d.took()
	}
	if again == 0 {
		f.works(group)
	}
	return o
}

// goBare takes the ids from what is pending, because the domain makes its own, and tells whether that can help. It is remembered:
// the ledger keeps a chunk that comes back from being stored twice.
func (f *flush) goBare(it *opensearch.Item) bool {
	d := f.d
	if op := d.cfg.WriteOperation; op == "update" || op == "upsert" {
		return false // these are about an id
	}
	f.batch.DropIDs()
	if d.bare.CompareAndSwap(false, true) {
		d.log.Infof("the domain takes no ids (%s: %s): documents are sent without from now on, and a request whose answer is lost may be stored twice. Generate_ID Off and no Id_Key in the section spare the attempt", it.Type, it.Reason)
	}
	return true
}

// explain logs why an item has to be sent again.
func (f *flush) explain(item int32, it *opensearch.Item) {
	kind, remedy := f.d.client.Explain(*it)
	index := f.indexOf(item)
	line := "index " + index + " does not take documents now: " + it.Type
	if kind == opensearch.RoleNotMapped || kind == opensearch.Blocked || kind == opensearch.ShardLimit || kind == opensearch.IndexName {
		line += ": " + it.Reason // the server's words about itself; other reasons may quote the document
	}
	if remedy != "" {
		line += ": " + remedy
	}
	f.d.troubles.Failed(kind.String()+" of index "+index, line)
}

// took tells that the domain settled a record.
func (d *Deliverer) took() {
	d.counts.Took()
	d.outage.took()
}

// works tells that a request of the items in group went through in full: what failed whole requests is over, and so is what
// failed items of the same indices.
func (f *flush) works(group []int32) {
	f.d.took()
	for _, trouble := range f.d.troubles.Failing() {
		_, index, ofIndex := strings.Cut(trouble, " of index ")
		if !ofIndex || slices.ContainsFunc(group, func(i int32) bool { return f.indexOf(i) == index }) {
			f.d.troubles.Recovered("delivery works", trouble)
		}
	}
}

// indexOf is the index that an item goes to.
func (f *flush) indexOf(item int32) string {
	r := f.record(item)
	return string(f.names.index(f, &r))
}

// reject makes a letter of an item that the domain will not take.
func (f *flush) reject(item int32, it opensearch.Item) {
	l := f.letter(item)
	l.Status, l.Type, l.Reason, l.Attempts = it.Status, it.Type, it.Reason, f.round+1
	f.d.counts.Rejected(it.Type)
	f.letters = append(f.letters, deadLetter{item, l})
}

// bury writes the letters and settles their items. It tells whether that worked.
func (f *flush) bury(ctx context.Context) bool {
	d := f.d
	if len(f.letters) == 0 {
		return true
	}
	letters := make([]deadletter.Letter, len(f.letters))
	for i, l := range f.letters {
		letters[i] = l.letter
	}
	if err := d.dead.Write(ctx, letters); err != nil {
		d.asides.Failed("dead letters", "cannot write "+d.deadPlace()+", so Fluent Bit keeps the chunk: "+err.Error())
		return false
	}
	for _, l := range f.letters {
		f.settled.set(int(l.item))
	}
	d.counts.DeadLetters.Add(len(letters))
	d.rejects.add(letters)
	d.asides.Recovered("dead letters are written", "dead letters")
	return true
}

func (d *Deliverer) deadPlace() string {
	if d.cfg.DeadLetterPath != "" {
		return "dead letters to Dead_Letter_Path " + d.cfg.DeadLetterPath
	}
	return "dead letters to Dead_Letter_Index " + d.cfg.DeadLetterIndex
}
