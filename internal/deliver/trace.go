package deliver

import (
	"slices"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/chunk"
	"out_opensearch_irsa/internal/multiline"
)

// trace makes one document of the lines of a stack trace. Each line is an item still, so that an
// item's number is its record's in the chunk, however the chunk is built; those behind the first
// are no documents, and settled with it.
type trace struct {
	joiner *multiline.Joiner // nil without Multiline
	on     bool
	role   multiline.Role // of the record that is being added
	rest   []restLine

	joined  []byte
	bulkOut bulk.Meta
}

// restLine is the item of a further line, and that of its trace's first one.
type restLine struct{ item, first int32 }

func (t *trace) reset() {
	t.on, t.role, t.rest = false, multiline.Alone, t.rest[:0]
	if cap(t.joined) > keepBuffers {
		t.joined = nil
	}
	if t.joiner != nil {
		t.joiner.Start(nil)
	}
}

// start begins a chunk. Where each record is a dead letter, none is joined.
func (t *trace) start(m buildMode, chunk []byte) {
	t.rest, t.role = t.rest[:0], multiline.Alone
	if t.on = t.joiner != nil && m != raw; t.on {
		t.joiner.Start(chunk)
	}
}

// next tells what the chunk's next record is.
func (t *trace) next(r *chunk.Record) multiline.Role {
	if t.on {
		t.role = t.joiner.Next(r)
	}
	return t.role
}

// body is what the record's document is made of: the record's own body, or one with the lines of a
// whole trace, good until the next call. own is then the size of the record's own; else 0.
func (t *trace) body(body []byte) (joined []byte, own int) {
	if t.role != multiline.First {
		return body, 0
	}
	t.joined, own = t.joiner.AppendBody(t.joined[:0])
	return t.joined, own
}

// meta adds to what a record brings for its action line.
func (t *trace) meta(m *bulk.Meta) *bulk.Meta {
	if t.role != multiline.First {
		return m
	}
	t.bulkOut = bulk.Meta{}
	if m != nil {
		t.bulkOut = *m
	}
	t.bulkOut.Lines = t.joiner.Lines()
	return &t.bulkOut
}

// keep returns what of body outlives the next one.
func (t *trace) keep(body []byte) []byte {
	if t.role != multiline.First {
		return body
	}
	return slices.Clone(body)
}

// addRest makes an item without a document of a further line.
func (f *flush) addRest(r *chunk.Record) (int, error) {
	n, err := chunk.Skip(r.Body)
	if err != nil {
		return 0, err
	}
	item := int32(len(f.batch.Items))
	f.batch.Begin(nil, nil, r.Offset)
	f.batch.Abandon()
	f.trace.rest = append(f.trace.rest, restLine{item, int32(f.trace.joiner.First())})
	return n, nil
}

// settle settles the further lines of the traces whose first line is.
func (t *trace) settle(settled bitmap) {
	for _, l := range t.rest {
		if settled.has(int(l.first)) {
			settled.set(int(l.item))
		}
	}
}
