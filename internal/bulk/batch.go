// Package bulk builds the bodies of bulk requests. Its input is documents, one at a time, written
// straight into its buffer; its output is bodies within a size limit, for all items or for any
// subset of them. It sends nothing, and knows no server's answer.
package bulk

import (
	"encoding/json"
	"slices"
)

// Batch holds the action and document lines of a chunk's records, one after the other, and where
// each of them lies. A Batch belongs to one flush at a time; Reset makes it ready for the next and
// keeps its memory.
type Batch struct {
	// Buf is the lines. A document is appended to it between Begin and End.
	Buf []byte
	// Items are the records, in the chunk's order.
	Items []Item

	op           operation
	indices      indices
	path         string // the index that the requests' path names; lines name only other ones
	pathSet      bool
	ids          bool
	withoutIDs   bool // no item has an id, neither ours nor a record's
	withoutIndex bool // no line names an index
	createOnly   bool // no document replaces another
	start        int
	idAt         int // where the open item's id goes; 0 for nowhere
}

// operation is what surrounds an item's parts for one of the bulk API's operations.
type operation struct{ action, before, after string }

// The operations that Write_Operation names. An update takes a partial document, an upsert stores
// it where there is none.
var operations = map[string]operation{
	"create": {action: `{"create":{`},
	"index":  {action: `{"index":{`},
	"update": {action: `{"update":{`, before: `{"doc":`, after: `}`},
	"upsert": {action: `{"update":{`, before: `{"doc":`, after: `,"doc_as_upsert":true}`},
}

// Item is where one record's lines lie in a Batch's Buf. A record that could not become a document
// has Start == End.
type Item struct {
	Start, Doc, End uint32
	// Record is the offset of the record in its chunk.
	Record uint32
	index  uint32 // its number in the Batch's indices
	lines  uint32 // Meta's
}

// idSpace is where an id goes: its 20 characters are written by End, when the record's bytes are
// known.
const idSpace = "                    "

// NewBatch returns an empty batch for a Write_Operation (create, index, update or upsert), with or
// without ids of our own.
func NewBatch(writeOperation string, ids bool) *Batch {
	return &Batch{op: operations[writeOperation], ids: ids,
		indices: indices{numbers: make(map[string]uint32)}}
}

// Reset empties the batch. keep bounds the buffer that is kept, in bytes.
func (b *Batch) Reset(keep int) {
	if cap(b.Buf) > keep {
		b.Buf = nil
	}
	b.Buf, b.Items, b.path, b.pathSet = b.Buf[:0], b.Items[:0], "", false
	b.indices.reset()
}

// SetPath sets the index that the requests' path names, before the first record: lines then name
// only other ones, so that several batches can share a request. With "", each line names its index.
// Without SetPath it is the index of the batch's first record.
func (b *Batch) SetPath(index string) { b.path, b.pathSet = index, true }

// Reserve makes room for so many bytes of lines, at once where growing step by step would copy them
// again and again.
func (b *Batch) Reserve(size int) { b.Buf = slices.Grow(b.Buf, size) }

// Meta is what a record brings for its action line, each as a JSON string, or nil. An id of its own
// keeps ours away.
type Meta struct {
	ID, Routing, Pipeline []byte
	// Lines is how many lines of a file the document is made of, where they are several. It then
	// replaces the document of the same id (one of ours, of its first line) that has fewer of them.
	Lines int
}

// Begin appends the action line of the next record, whose offset in the chunk is record. index has
// to be legal as OpenSearch sees it, so that it needs no escaping. The document is then appended to
// b.Buf, and End or Abandon closes the item.
func (b *Batch) Begin(index []byte, m *Meta, record int) {
	b.start, b.idAt = len(b.Buf), 0
	ourID := b.ids && !b.withoutIDs && (m == nil || m.ID == nil)
	lines := 0
	if ourID && m != nil && m.Lines > 1 {
		lines = m.Lines
	}
	buf := b.Buf
	if lines > 0 && !b.createOnly {
		buf = appendReplacing(buf, lines)
	} else {
		buf = append(buf, b.op.action...)
	}
	empty := len(buf)
	number := b.indices.number(index)
	if !b.pathSet {
		b.SetPath(b.indices.names[number])
	}
	if !b.withoutIndex && b.path != string(index) {
		buf = append(append(append(buf, `"_index":"`...), index...), `",`...)
	}
	if m != nil {
		if !b.withoutIDs {
			buf = appendMember(buf, `"_id":`, m.ID)
		}
		buf = appendMember(buf, `"routing":`, m.Routing)
		buf = appendMember(buf, `"pipeline":`, m.Pipeline)
	}
	if ourID {
		b.idAt = len(buf) + len(`"_id":"`)
		buf = append(buf, `"_id":"`+idSpace+`",`...)
	}
	if len(buf) > empty {
		buf = buf[:len(buf)-1] // the last comma
	}
	buf = append(append(buf, "}}\n"...), b.op.before...)
	b.Buf = buf
	b.Items = append(b.Items, Item{Start: uint32(b.start), Doc: uint32(len(buf)),
		Record: uint32(record), index: number, lines: uint32(lines)})
}

func appendMember(buf []byte, name string, value []byte) []byte {
	if value == nil {
		return buf
	}
	return append(append(append(buf, name...), value...), ',')
}

// NeedsID tells whether the open item takes an id of ours, for End.
func (b *Batch) NeedsID() bool { return b.idAt > 0 }

// End closes the item that Begin opened. id is its 20 characters, where NeedsID.
func (b *Batch) End(id *[IDSize]byte) {
	if b.idAt > 0 {
		b.putID(b.idAt, id, b.Items[len(b.Items)-1].lines)
	}
	b.Buf = append(append(b.Buf, b.op.after...), '\n')
	b.Items[len(b.Items)-1].End = uint32(len(b.Buf))
}

// SetID replaces the id that item i was closed with, where that was one of ours.
func (b *Batch) SetID(i int32, id *[IDSize]byte) {
	b.putID(b.idEnd(int(i))-IDSize, id, b.Items[i].lines)
}

// idEnd is where an id of ours ends, the last member of its action line.
func (b *Batch) idEnd(i int) int { return int(b.Items[i].Doc) - len(b.op.before) - len(`"}}`+"\n") }

// Abandon closes the item that Begin opened without a document: it stays in Items, with no bytes.
func (b *Batch) Abandon() {
	it := &b.Items[len(b.Items)-1]
	b.Buf = b.Buf[:b.start]
	it.Doc, it.End = it.Start, it.Start
}

// ID returns the id that item i is sent with, or "" where the domain makes one.
func (b *Batch) ID(i int) string { return b.action(i).ID }

// Routing returns the routing value that item i is sent with, or "".
func (b *Batch) Routing(i int) string { return b.action(i).Routing }

// action is what an action line holds.
type action struct {
	ID      string `json:"_id"`
	Routing string `json:"routing"`
}

// action reads item i's action line.
func (b *Batch) action(i int) action {
	it := b.Items[i]
	if it.Start == it.End {
		return action{}
	}
	var line map[string]action
	if err := json.Unmarshal(b.Buf[it.Start:int(it.Doc)-len(b.op.before)], &line); err != nil {
		panic("an action line of our own is no JSON: " + err.Error())
	}
	for _, a := range line {
		return a
	}
	return action{}
}

// Document returns the document of item i without what the operation puts around it, aliasing Buf.
func (b *Batch) Document(i int) []byte {
	it := b.Items[i]
	if it.Start == it.End {
		return nil
	}
	return b.Buf[it.Doc : int(it.End)-len(b.op.after)-1]
}

// Cut returns how many of the leading items in pending make up the next request: as many as fit in
// limit bytes and in count, and always at least one.
func (b *Batch) Cut(pending []int32, limit, count int) int {
	size := 0
	for n, i := range pending {
		it := b.Items[i]
		size += int(it.End - it.Start)
		if n > 0 && (size > limit || n >= count) {
			return n
		}
	}
	return len(pending)
}

// Size returns how many bytes the lines of the given items are.
func (b *Batch) Size(items []int32) (size int) {
	for _, i := range items {
		size += int(b.Items[i].End - b.Items[i].Start)
	}
	return size
}

// Body returns the lines of the items in pending. Where they lie side by side it aliases Buf; else
// they are copied into scratch, which is returned grown.
func (b *Batch) Body(pending []int32, scratch []byte) (body, grown []byte) {
	if len(pending) == 0 {
		return nil, scratch
	}
	first, last := b.Items[pending[0]], b.Items[pending[len(pending)-1]]
	if b.Size(pending) == int(last.End-first.Start) {
		return b.Buf[first.Start:last.End], scratch
	}
	scratch = scratch[:0]
	for _, i := range pending {
		it := b.Items[i]
		scratch = append(scratch, b.Buf[it.Start:it.End]...)
	}
	return scratch, scratch
}
