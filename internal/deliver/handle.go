package deliver

import (
	"context"
	"fmt"
	"math/rand/v2"

	"out_opensearch_irsa/internal/opensearch"
)

// handleRequestFailure does what the verdict table says of a request that failed as a whole.
func (y *delivery) handleRequestFailure(ctx context.Context, group []int32, res *result) outcome {
	d, fail := y.d, res.Failure
	y.ambiguous = y.ambiguous || fail.Ambiguous
	if fail.Effect.Has(opensearch.Halve) || fail.Effect.Has(opensearch.Shrink) {
		return y.narrow(group, res)
	}
	y.retry = append(y.retry, group...)
	o := outcome{retryAfter: res.RetryAfter, stop: true}
	if ctx.Err() != nil {
		return o // the instance ends
	}
	o.atOnce = y.fix(fail.Effect, res)
	key := deliveryError{kind: fail.Kind}
	if !o.atOnce || y.round > 0 || d.deliveryErrors.Failing(key) {
		d.deliveryErrors.Failed(key, func() string { return "cannot deliver: " + fail.Error() })
	} else {
		d.log.Warnf("%s: sending again at once", fail)
	}
	return o
}

// fix changes what can make the same items pass at once, and tells whether it did.
func (y *delivery) fix(effect opensearch.Effect, res *result) bool {
	d := y.d
	switch {
	case effect.Has(opensearch.RenewCredentials):
		return d.identity != nil && d.identity.Invalidate(res.Failure.AccessKeyID)
	case effect.Has(opensearch.CorrectClock):
		if d.identity == nil || res.Date.IsZero() {
			return false
		}
		d.identity.Observe(res.Date)
		return true
	case effect.Has(opensearch.DropIndex):
		if d.withoutIndex.CompareAndSwap(false, true) {
			d.log.Infof("the domain takes no index on a request's lines " +
				"(rest.action.multi.allow_explicit_index is false): each request is for one " +
				"index from now on")
		}
		return true
	case effect.Has(opensearch.DropIDs):
		return y.dropIDs(res.Failure.Summary)
	}
	return false
}

// dropIDs takes the ids from what is pending, because the domain makes its own, and tells whether
// that can help. It is remembered: the ledger keeps a chunk that comes back from being stored
// twice.
func (y *delivery) dropIDs(why string) bool {
	d := y.d
	if op := d.cfg.WriteOperation; op == "update" || op == "upsert" {
		return false // these are about an id
	}
	y.batch.DropIDs()
	if d.withoutIDs.CompareAndSwap(false, true) {
		d.log.Infof("the domain rejects custom _id (%s): documents are sent without ids from now "+
			"on, and a request whose answer is lost may be stored twice. Set Generate_ID Off and "+
			"no Id_Key in the section to avoid this retry", why)
	}
	return true
}

// createOnly makes pending documents of several lines ones that replace none, for a data stream,
// and tells whether that can help. It is remembered.
func (y *delivery) createOnly() bool {
	d := y.d
	if d.rules == nil || d.cfg.WriteOperation != "create" {
		return false
	}
	y.batch.CreateOnly()
	if d.onlyCreate.CompareAndSwap(false, true) {
		d.log.Infof("the index is a data stream, whose documents cannot be replaced: a stack " +
			"trace that is read again in other pieces is stored beside the first ones")
	}
	return true
}

// smallDocument is a size in bytes, with the action line, for which no document is refused.
const smallDocument = 1 << 10

// narrow handles a request that parts of may pass. A request shared with other flushes is sent
// again without them first.
//
// An item is rejected only if it is known to be to blame: it is too large by itself, or it was
// refused alone twice while the domain took others. A server or a proxy that refuses everything is
// to blame itself, and what it refuses waits: for its end, or for the domain to take something
// else.
func (y *delivery) narrow(group []int32, res *result) outcome {
	d, fail := y.d, res.Failure
	size := y.batch.Size(group)
	shrink := fail.Effect.Has(opensearch.Shrink)
	if shrink {
		if limit, lower := d.size.refused(res.size); lower {
			d.log.Warnf("%s. Requests are cut to %d bytes from now on: set Max_Request_Size %dK "+
				"in the section to avoid this retry", fail.Summary, limit, limit>>10)
		}
	}
	if res.shared {
		y.alone = true
		y.retry = append(y.retry, group...)
		return outcome{atOnce: true, stop: true}
	}
	y.refused++
	single := len(group) == 1
	switch {
	case single && shrink && size > smallDocument,
		single && (y.returned || y.suspects.has(int(group[0]))) &&
			(y.tookOthers || d.breaker.succeededSince(y.began)):
		y.rejectItem(group[0], opensearch.Item{Status: fail.Status, Kind: fail.Kind,
			Effect: fail.Effect, Type: fail.Kind.String(), Reason: fail.Summary})
		return outcome{}
	case single, !shrink && !y.accepted && y.refused > 2+y.round:
		if single {
			y.suspects = y.suspects.with(int(group[0]))
		}
		y.retry = append(y.retry, group...)
		d.deliveryErrors.Failed(deliveryError{kind: fail.Kind},
			func() string { return "cannot deliver: " + fail.Error() })
		return outcome{retryAfter: res.RetryAfter, stop: !y.accepted}
	}
	half := y.batch.Cut(group, size/2, len(group)-1)
	parts := [2][]int32{group[:half], group[half:]}
	first := 0
	if !shrink {
		first = rand.N(2) // so that each round looks elsewhere
	}
	y.work = append(y.work, parts[1-first], parts[first])
	return outcome{}
}

// handleItems handles an answer that says something about each item.
func (y *delivery) handleItems(group []int32, res *result) outcome {
	d := y.d
	o := outcome{retryAfter: res.RetryAfter}
	stored, duplicates, open := 0, 0, 0
	explained := opensearch.None
	for n, i := range group {
		it := &res.Items[n]
		verdict := it.Verdict
		if it.Effect.Has(opensearch.PipelineMissing) && d.recordPipelines {
			verdict = opensearch.Rejected // the record itself names it: nothing to wait for
		}
		switch {
		case it.Effect.Has(opensearch.CompareDocument) && y.ownIDs.has(int(i)):
			y.compare = append(y.compare, i)
		case verdict == opensearch.Delivered:
			y.settled.set(int(i))
			if it.Duplicate {
				duplicates++
			} else {
				stored++
			}
		case verdict == opensearch.Rejected:
			y.rejectItem(i, *it)
		default:
			y.retry = append(y.retry, i)
			open++
			if it.Effect.Has(opensearch.DropIDs) && y.dropIDs(it.Type+": "+it.Reason) {
				o.atOnce = true
			} else if it.Effect.Has(opensearch.CreateOnly) && y.createOnly() {
				o.atOnce = true
			} else if it.Kind != explained {
				y.explain(i, it)
				explained = it.Kind
			}
		}
		if d.cfg.TraceError && it.Verdict != opensearch.Delivered {
			d.log.Errorf("the answer to item %d of tag %s: %d %s: %s", i, y.tag, it.Status, it.Type,
				it.Reason)
		}
	}
	d.counts.Stored.Add(stored)
	d.counts.Duplicates.Add(duplicates)
	if open < len(group) {
		y.accept()
	}
	if open == 0 {
		y.markRecovered(group)
	}
	return o
}

// rejectItem gives an item up, to whoever made the batch.
func (y *delivery) rejectItem(i int32, it opensearch.Item) {
	it.Verdict = opensearch.Rejected
	y.reject(i, it)
}

// explain logs why an item has to be sent again.
func (y *delivery) explain(i int32, it *opensearch.Item) {
	kind, remedy := y.d.client.Explain(*it)
	index := y.batch.Index(i)
	y.d.indexErrors.Failed(deliveryError{kind, index}, func() string {
		line := fmt.Sprintf("index %s does not take documents now: %s", index, it.Type)
		if it.Effect.Has(opensearch.QuoteReason) {
			line += ": " + it.Reason
		}
		if remedy != "" {
			line += ": " + remedy
		}
		return line
	})
}

// outcomeOf names a request's outcome for the metrics.
func outcomeOf(res *opensearch.Result) string {
	if res.Status == 0 && res.Failure != nil {
		return res.Failure.Kind.String()
	}
	return fmt.Sprint(res.Status)
}
