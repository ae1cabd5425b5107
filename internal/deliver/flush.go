package deliver

import (
	"errors"
	"time"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/compile"
	"out_opensearch_irsa/internal/document"
	"out_opensearch_irsa/internal/multiline"
)

// flush is the state of one flush: the chunk's records as items of a batch, what became of each,
// and the dead-letter records of those that are no documents or were rejected. Its memory is used
// again by the next flush.
type flush struct {
	delivery // of the documents
	job      job
	lease    *lease

	enc   *document.Encoder
	names names
	meta  *meta // nil where records bring nothing for their action lines
	ids   bulk.IDs
	trace trace

	chunk    []byte
	identity uint64 // of the chunk
	// deadLetters are what has to be written before the flush is settled.
	deadLetters []rejected
	coarse      bool // there is an id that is of this chunk alone
}

// keepBuffers bounds what each of a flush's buffers keeps between flushes, in bytes: three times a
// usual chunk's documents.
const keepBuffers = 12 << 20

func (d *Deliverer) newFlush() (*flush, error) {
	enc, err := compile.NewEncoder(d.cfg)
	names, nerr := newNames(d.cfg)
	meta, merr := newMeta(d.cfg)
	if err = errors.Join(err, nerr, merr); err != nil {
		return nil, err
	}
	f := &flush{enc: enc, names: names, meta: meta}
	if d.rules != nil {
		f.trace.joiner = multiline.NewJoiner(d.rules)
	}
	f.delivery = delivery{d: d, batch: bulk.NewBatch(d.cfg.WriteOperation, d.cfg.GenerateID),
		reject: f.rejectDocument}
	if !d.recordPipelines {
		f.pipeline = d.cfg.Pipeline // else it is on each line
	}
	return f, nil
}

// adapt makes the batch such as the domain is known to want it.
func (f *flush) adapt() {
	if f.d.withoutIDs.Load() {
		f.batch.DropIDs()
	}
	if f.d.onlyCreate.Load() {
		f.batch.CreateOnly()
	}
}

func (f *flush) reset() {
	f.delivery.reset()
	f.trace.reset()
	f.job, f.lease, f.chunk, f.deadLetters, f.coarse = job{}, nil, nil, f.deadLetters[:0], false
}

// start makes the documents of the flush's chunk.
func (f *flush) start() {
	f.tag, f.chunk, f.identity, f.began = f.job.tag, f.job.chunk, f.lease.identity(), time.Now()
	f.returned, f.tookOthers = f.lease.returns > 0, f.lease.settled != nil
	f.ambiguous = f.returned // whatever became of it then
	f.build(f.lease)
}

// settledSet is what the ledger has to remember: nil where nothing is settled.
func (f *flush) settledSet() bitmap {
	f.trace.settle(f.settled)
	for _, word := range f.settled {
		if word != 0 {
			return f.settled
		}
	}
	return nil
}

// with returns b, grown where needed, with i in it.
func (b bitmap) with(i int) bitmap {
	for i>>6 >= len(b) {
		b = append(b, 0)
	}
	b.set(i)
	return b
}
