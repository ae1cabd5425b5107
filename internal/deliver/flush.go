package deliver

import (
	"errors"
	"slices"
	"time"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/chunk"
	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/internal/document"
)

// flush is the state of one flush: the chunk's records as items of a batch, and what became of each. Its memory is used again
// by the next flush.
type flush struct {
	d     *Deliverer
	enc   *document.Encoder
	names names
	meta  *meta // nil where records bring nothing for their action lines
	ids   bulk.IDs
	gz    bulk.Compressor

	tag     string
	chunk   []byte
	batch   *bulk.Batch
	pending []int32 // items still to be sent, in order
	again   []int32 // items that the current round could not settle
	settled bitmap
	// letters are what the dead letters have to keep before the flush is settled; item tells which one each is about.
	letters []deadLetter
	coarse  bool // there is an id that is of this chunk alone
	size    int  // of the body that was read last
	round   int  // how often items have been sent

	scratch, wire []byte
	work          [][]int32
}

// deadLetter is a letter and the item that it settles.
type deadLetter struct {
	item   int32
	letter deadletter.Letter
}

// keepBuffers bounds what each of a flush's buffers keeps between flushes, in bytes: three times a usual chunk's documents.
const keepBuffers = 12 << 20

func (d *Deliverer) newFlush() (*flush, error) {
	enc, err := document.NewEncoder(document.Options{
		TimeKey: d.cfg.TimeKey, TimeFormat: d.cfg.TimeKeyFormat, TimeNanos: d.cfg.TimeKeyNanos,
		TagKey: d.cfg.TagKey, ReplaceDots: d.cfg.ReplaceDots, Dedot: d.cfg.Dedot,
	})
	names, nerr := newNames(d.cfg)
	meta, merr := newMeta(d.cfg)
	if err = errors.Join(err, nerr, merr); err != nil {
		return nil, err
	}
	return &flush{d: d, enc: enc, names: names, meta: meta, ids: bulk.NewIDs(d.fineTags), batch: bulk.NewBatch(d.cfg.WriteOperation, d.cfg.GenerateID)}, nil
}

func (f *flush) reset() {
	f.tag, f.chunk = "", nil
	f.batch.Reset(keepBuffers)
	f.pending, f.again, f.letters, f.settled = f.pending[:0], f.again[:0], f.letters[:0], nil
	f.coarse, f.size, f.round = false, 0, 0
	for _, b := range []*[]byte{&f.scratch, &f.wire} {
		if cap(*b) > keepBuffers {
			*b = nil
		}
	}
}

// build makes an item of each record in the chunk. What cannot become a document becomes a letter at once.
func (f *flush) build(tag string, data []byte, c *claim) {
	f.tag, f.chunk = tag, data
	f.enc.SetTag(tag)
	f.batch.Reserve(len(data) + len(data)/2) // JSON, with action lines, is an eighth to a half longer than its msgpack
	f.ids.Start(tag, c.identity())
	w := chunk.NewWalker(data)
	var r chunk.Record
	for good := 0; ; good = len(data) - len(r.Body) + f.size {
		ok, err := w.Next(&r)
		if err == nil && ok {
			err = f.add(&w, &r)
		}
		if err != nil {
			f.damaged(good, err)
		}
		if err != nil || !ok {
			break
		}
	}
	n := len(f.batch.Items)
	f.coarse = f.ids.End(f.batch.SetID)
	f.d.counts.Came(n, len(data))
	f.settled = newBitmap(n + 1)
	copy(f.settled, c.settled)
	unbuilt := 0
	for i := range int32(n) {
		switch {
		case unbuilt < len(f.letters) && f.letters[unbuilt].item == i:
			unbuilt++
		case !f.settled.has(int(i)):
			f.pending = append(f.pending, i)
		}
	}
	f.dropSettledLetters()
}

// add makes an item of the record that w stands at, and moves w behind it. An error means that the chunk cannot be read on.
func (f *flush) add(w *chunk.Walker, r *chunk.Record) error {
	f.batch.Begin(f.names.index(f, r), f.meta.of(f.tag, r.Body), r.Offset)
	out, n, err := f.enc.Append(f.batch.Buf, r.Sec, r.Nsec, r.Body)
	f.batch.Buf = out
	if err == nil && f.d.cfg.WriteOperation == "update" && !f.meta.hasID() {
		err = &document.RejectError{Type: "id_missing", Reason: "an update needs an id, and the record has no " + f.d.cfg.IDKey}
	}
	if err != nil {
		f.batch.Abandon()
		var reject *document.RejectError // here, since it is on the heap
		if !errors.As(err, &reject) {
			f.batch.Items = f.batch.Items[:len(f.batch.Items)-1]
			return err
		}
		item := int32(len(f.batch.Items) - 1)
		l := f.letter(item)
		l.Type, l.Reason, l.Raw = reject.Type, reject.Reason, r.Body[:n]
		f.letters = append(f.letters, deadLetter{item, l})
	} else {
		var id [bulk.IDSize]byte
		if f.batch.NeedsID() {
			f.ids.Next(&id, int32(len(f.batch.Items)-1), r.Sec, r.Nsec, r.Body[:n])
		}
		f.batch.End(&id)
	}
	f.size = n
	w.Advance(n)
	return nil
}

// record reads the head of an item's record once more.
func (f *flush) record(item int32) chunk.Record {
	var r chunk.Record
	w := chunk.NewWalker(f.chunk[f.batch.Items[item].Record:])
	if ok, err := w.Next(&r); !ok || err != nil {
		panic("a record that was read cannot be read again") // the chunk is the core's, and nobody changes it
	}
	return r
}

// letter begins a letter about an item.
func (f *flush) letter(item int32) deadletter.Letter {
	r := f.record(item)
	index := string(f.names.index(f, &r)) // deadLetter renders into the same bytes
	return deadletter.Letter{
		Time: time.Unix(r.Sec, int64(r.Nsec)), Tag: f.tag, Index: index, To: string(f.names.deadLetter(f, &r)),
		ID: f.batch.ID(int(item)), Document: f.batch.Document(int(item)),
	}
}

// damaged makes a letter of a chunk's end, from the byte where the last good record ended. It stands for one item more.
func (f *flush) damaged(from int, err error) {
	r := chunk.Record{Sec: time.Now().Unix()}
	f.letters = append(f.letters, deadLetter{int32(len(f.batch.Items)), deadletter.Letter{
		Time: time.Now(), Tag: f.tag, To: string(f.names.deadLetter(f, &r)),
		Type: "corrupt_chunk", Reason: err.Error(), Raw: f.chunk[from:],
	}})
	f.d.log.Errorf("a chunk of tag %s is damaged: %v. The %d records before that are delivered, the %d bytes from byte %d on go to the dead letters",
		f.tag, err, len(f.batch.Items), len(f.chunk)-from, from)
}

// dropSettledLetters forgets the letters that an earlier flush of the chunk has written.
func (f *flush) dropSettledLetters() {
	f.letters = slices.DeleteFunc(f.letters, func(l deadLetter) bool { return f.settled.has(int(l.item)) })
}

// settledSet is what the ledger has to remember: nil where nothing is settled.
func (f *flush) settledSet() bitmap {
	for _, word := range f.settled {
		if word != 0 {
			return f.settled
		}
	}
	return nil
}
