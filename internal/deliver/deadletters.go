package deliver

import (
	"context"
	"fmt"
	"strconv"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/internal/opensearch"
)

// rejected is a dead-letter record and the item that it settles.
type rejected struct {
	item   int32
	record deadletter.Record
}

// rejectDocument makes a dead-letter record of an item that the domain will not take.
func (f *flush) rejectDocument(item int32, it opensearch.Item) {
	rec := f.deadLetter(item)
	rec.Status, rec.Type, rec.Reason, rec.Attempts = it.Status, it.Type, it.Reason, f.round+1
	f.d.counts.Rejected(it.Type)
	f.deadLetters = append(f.deadLetters, rejected{item, rec})
}

// writeDeadLetters writes the dead-letter records and settles their items. It tells whether all of
// them were written.
func (f *flush) writeDeadLetters(ctx context.Context, probe bool) bool {
	d := f.d
	if len(f.deadLetters) == 0 {
		return true
	}
	var err error
	written := f.deadLetters
	if d.deadFile != nil {
		if err = d.deadFile.Write(ctx, records(f.deadLetters)); err != nil {
			written = nil
		}
	} else {
		written, err = f.sendDeadLetters(ctx, probe)
	}
	for _, l := range written {
		f.settled.set(int(l.item))
	}
	if len(written) > 0 {
		d.counts.DeadLetters.Add(len(written))
		d.rejects.add(records(written))
	}
	if err != nil {
		d.counts.DeadLettersFailed.Inc()
		d.otherErrors.Failed(deadLetterError, func() string {
			return "cannot write dead letters to " + d.deadPlace + ", so Fluent " +
				"Bit keeps the chunk: " + err.Error()
		})
		return false
	}
	d.otherErrors.Recovered("writing dead letters",
		func(e otherError) bool { return e == deadLetterError })
	return true
}

func records(all []rejected) []deadletter.Record {
	out := make([]deadletter.Record, len(all))
	for i := range all {
		out[i] = all[i].record
	}
	return out
}

// sendDeadLetters sends the dead-letter records to their index, as documents go: in the same
// requests, of the same size, by the same verdicts. It returns those that are stored; the error
// says why the others are not. A record that the domain finds too large is cut further, down to
// smallDocument.
func (f *flush) sendDeadLetters(ctx context.Context, probe bool) (stored []rejected, err error) {
	left := f.deadLetters
	for limit := f.d.size.limit(); ; limit /= 2 {
		y := f.d.newDeadLetterDelivery(f.tag)
		y.began, y.returned, y.tookOthers = f.began, f.returned, f.tookOthers
		tooLarge := map[int32]bool{}
		var refusal error
		y.reject = func(item int32, it opensearch.Item) {
			if it.Effect.Has(opensearch.Shrink) && limit > 2*smallDocument {
				tooLarge[item] = true
				return
			}
			y.retry = append(y.retry, item)
			refusal = fmt.Errorf("%s: %s: let its mapping take any dead letter, as "+
				"deploy/opensearch/dead-letter-template.json does", it.Type, it.Reason)
		}
		y.addAll(left, limit, f.identity)
		done := y.run(ctx, probe)
		var again []rejected
		for i, l := range left {
			switch {
			case y.settled.has(i):
				stored = append(stored, l)
			case tooLarge[int32(i)]:
				again = append(again, l)
			}
		}
		switch {
		case refusal != nil:
			return stored, refusal
		case !done:
			return stored, fmt.Errorf("the domain does not take them now")
		case len(again) == 0:
			return stored, nil
		}
		left = again
	}
}

// newDeadLetterDelivery makes a delivery for dead-letter records. They are rare, so its memory is
// not kept.
func (d *Deliverer) newDeadLetterDelivery(tag string) *delivery {
	y := &delivery{d: d, tag: tag, batch: bulk.NewBatch("create", true)}
	if d.withoutIDs.Load() {
		y.batch.DropIDs()
	}
	return y
}

// addAll makes an item of each dead-letter record, none of them larger than limit. identity is that
// of their chunk. Their ids are the same each time, so that what is sent again is stored once.
func (y *delivery) addAll(all []rejected, limit int, identity uint64) {
	for i := range all {
		r := &all[i].record
		id := r.DeadLetterID()
		if id == "" { // equal records without ids are told apart by where they are in which chunk
			id = fmt.Sprintf("%016x-%d", identity, all[i].item)
		}
		y.batch.Begin([]byte(r.To), &bulk.Meta{ID: strconv.AppendQuote(nil, id)}, 0)
		y.batch.Buf = r.AppendJSON(y.batch.Buf, limit-actionLine-len(r.To))
		y.batch.End(nil)
		y.pending = append(y.pending, int32(i))
	}
	y.settled = newBitmap(len(all))
}

// actionLine is what a dead-letter record's action line takes besides its index, in bytes.
const actionLine = 100
