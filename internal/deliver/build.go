package deliver

import (
	"errors"
	"slices"
	"strings"
	"time"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/chunk"
	"out_opensearch_irsa/internal/compile"
	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/internal/document"
	"out_opensearch_irsa/internal/multiline"
)

// buildMode is how a chunk's records become documents. A chunk on which one mode panics is built in
// the next one, so that no record can keep a chunk from ever being settled.
type buildMode int

const (
	fast      buildMode = iota // the encoder
	reference                  // the reference encoder; a record on which that panics too is a dead letter
	raw                        // none: each record is a dead letter
)

// maxPanics is how often the handling of a chunk may panic before it is not tried any more.
const maxPanics = 3

// build makes an item of each record in the chunk. What cannot become a document becomes a dead
// letter at once.
func (f *flush) build(l *lease) {
	switch {
	case l.panics >= maxPanics:
		f.d.log.Errorf("a chunk of tag %s panicked %d times: all of its records go to the dead "+
			"letters as they came", f.tag, l.panics)
		f.buildBy(raw, l)
	case l.panics > 0 || !f.tryFast(l):
		f.d.counts.ReferenceChunks.Inc()
		f.buildBy(reference, l)
	}
}

// tryFast builds with the encoder, and tells whether that did not panic.
func (f *flush) tryFast(l *lease) (ok bool) {
	defer func() {
		if r := recover(); r != nil {
			f.d.recovered("encoding a chunk of tag "+f.tag+", which the "+
				"reference encoder now does", r)
			f.forgetBuilt()
		}
	}()
	f.buildBy(fast, l)
	return true
}

// forgetBuilt takes back what a build had made before it panicked, and the encoder's state with it.
func (f *flush) forgetBuilt() {
	f.batch.Reset(keepBuffers)
	f.pending, f.deadLetters, f.settled, f.ownIDs = f.pending[:0], f.deadLetters[:0], nil, nil
	if enc, err := compile.NewEncoder(f.d.cfg); err == nil { // it worked in New
		f.enc = enc
	}
}

func (f *flush) buildBy(m buildMode, l *lease) {
	data := f.chunk
	f.enc.SetTag(f.tag)
	if strings.Contains(f.d.cfg.Index, "$") {
		f.batch.SetPath("") // chunks for many indices share requests when their paths name none
	}
	f.batch.Reserve(len(data) + len(data)/2) // JSON, with action lines, is an eighth to a half longer than its msgpack
	f.ids.Start(f.tag, f.identity)
	f.trace.start(m, data)
	walker := chunk.NewWalker(data)
	var r chunk.Record
	for good := 0; ; {
		ok, err := walker.Next(&r)
		n := 0
		if err == nil && ok {
			n, err = f.add(m, &r)
		}
		if err != nil {
			f.damaged(good, err)
		}
		if err != nil || !ok {
			break
		}
		walker.Advance(n)
		good = len(data) - len(r.Body) + n
	}
	n := len(f.batch.Items)
	f.coarse = f.ids.End(f.batch.SetID)
	f.d.counts.Received(n, len(data))
	f.settled = newBitmap(n + 1)
	copy(f.settled, l.settled)
	unbuilt, rest := 0, f.trace.rest
	for i := range int32(n) {
		switch {
		case len(rest) > 0 && rest[0].item == i:
			rest = rest[1:]
		case unbuilt < len(f.deadLetters) && f.deadLetters[unbuilt].item == i:
			unbuilt++
		case !f.settled.has(int(i)):
			f.pending = append(f.pending, i)
		}
	}
	f.deadLetters = slices.DeleteFunc(f.deadLetters,
		func(l rejected) bool { return f.settled.has(int(l.item)) })
}

// add makes an item of a record, and returns the size of the record's body. An error means that the
// chunk cannot be read on.
func (f *flush) add(m buildMode, r *chunk.Record) (n int, err error) {
	if m != raw && f.trace.next(r) == multiline.Rest {
		return f.addRest(r)
	}
	switch m {
	case fast:
		return f.addDocument(f.enc.Append, r)
	case raw:
		return f.addRaw(r, "chunk_panic", "the handling of this record's chunk panicked again "+
			"and again: please report it with the log lines before this time")
	}
	items, size := len(f.batch.Items), len(f.batch.Buf)
	defer func() {
		if p := recover(); p != nil {
			f.d.recovered("making a document by the reference encoder", p)
			f.batch.Items, f.batch.Buf = f.batch.Items[:items], f.batch.Buf[:size]
			n, err = f.addRaw(r, "encoder_panic", "no document can be made of this record: "+
				"please report it with the log lines of this time")
		}
	}()
	return f.addDocument(f.enc.AppendReference, r)
}

// encodeFunc appends a record's document to dst. It returns how much of body it is made of.
type encodeFunc func(dst []byte, sec int64, nsec uint32, body []byte) (out []byte, n int, err error)

func (f *flush) addDocument(encode encodeFunc, r *chunk.Record) (int, error) {
	body, own := f.trace.body(r.Body)
	f.batch.Begin(f.names.index(f, r), f.trace.meta(f.meta.of(f.tag, r.Body)), r.Offset)
	out, size, err := encode(f.batch.Buf, r.Sec, r.Nsec, body)
	f.batch.Buf = out
	n := size
	if own > 0 {
		n = own
	}
	item := int32(len(f.batch.Items) - 1)
	if err == nil && f.d.cfg.WriteOperation == "update" && !f.meta.hasID() {
		err = &document.RejectError{Type: "id_missing", Reason: "an update needs an id, and the " +
			"record has no " + f.d.cfg.IDKey}
	}
	if err == nil {
		var id [bulk.IDSize]byte
		if f.batch.NeedsID() {
			f.ids.Next(&id, item, r.Sec, r.Nsec, r.Body[:n], f.meta.hasOffset(f.tag, r.Body))
		}
		f.batch.End(&id)
		if f.meta.hasID() {
			f.ownIDs = f.ownIDs.with(int(item))
		}
		return n, nil
	}
	f.batch.Abandon()
	var reject *document.RejectError // here, since it is on the heap
	if !errors.As(err, &reject) {
		f.batch.Items = f.batch.Items[:item]
		return 0, err
	}
	dead := f.deadLetter(item)
	dead.Type, dead.Reason, dead.Raw = reject.Type, reject.Reason, f.trace.keep(body[:size])
	f.deadLetters = append(f.deadLetters, rejected{item, dead})
	return n, nil
}

// addRaw makes a dead-letter record of the record's bytes, without reading them, which could panic
// again.
func (f *flush) addRaw(r *chunk.Record, typ, reason string) (int, error) {
	n, err := chunk.Skip(r.Body)
	if err != nil {
		return 0, err
	}
	f.batch.Begin(nil, nil, r.Offset)
	f.batch.Abandon()
	f.deadLetters = append(f.deadLetters, rejected{int32(len(f.batch.Items) - 1), deadletter.Record{
		Time: time.Unix(r.Sec, int64(r.Nsec)), Tag: f.tag, To: f.d.plainDeadLetterIndex(),
		Type: typ, Reason: reason, Raw: r.Body[:n],
	}})
	return n, nil
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

// deadLetter begins the dead-letter record of an item.
func (f *flush) deadLetter(item int32) deadletter.Record {
	r := f.record(item)
	return deadletter.Record{
		Time: time.Unix(r.Sec, int64(r.Nsec)), Tag: f.tag, Index: f.batch.Index(item),
		To: string(f.names.deadLetter(f, &r)),
		ID: f.batch.ID(int(item)), Routing: f.batch.Routing(int(item)),
		Document: f.batch.Document(int(item)),
	}
}

// damaged makes a dead-letter record of a chunk's end, from the byte where the last good record
// ended. It stands for one item more.
func (f *flush) damaged(from int, err error) {
	r := chunk.Record{Sec: time.Now().Unix()}
	f.deadLetters = append(f.deadLetters, rejected{int32(len(f.batch.Items)), deadletter.Record{
		Time: time.Now(), Tag: f.tag, To: string(f.names.deadLetter(f, &r)),
		Type: "corrupt_chunk", Reason: err.Error(), Raw: f.chunk[from:],
	}})
	f.d.log.Errorf("a chunk of tag %s is damaged: %v. The %d records before that are delivered, "+
		"the %d bytes from byte %d on go to the dead letters",
		f.tag, err, len(f.batch.Items), len(f.chunk)-from, from)
}
