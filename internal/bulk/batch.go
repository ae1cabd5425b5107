// Package bulk builds the bodies of bulk requests. In come documents, one at a time, written straight into its buffer; out
// come bodies within a size limit, for all items or for any subset of them. It sends nothing, and knows no server's answer.
package bulk

// Batch holds the action and document lines of a chunk's records, one after the other, and where each of them lies. A Batch
// belongs to one flush at a time; Reset makes it ready for the next and keeps its memory.
type Batch struct {
	// Buf is the lines. A document is appended to it between Begin and End.
	Buf []byte
	// Items are the records, in the chunk's order.
	Items []Item

	action []byte // `{"create":{` or `{"index":{`
	path   []byte // the index that the requests' path names; lines name only other ones
	route  []byte // the last other index, with its `"_index":"…"`
	ids    bool
	start  int
}

// Item is where one record's lines lie in a Batch's Buf. A record that could not become a document has Start == End.
type Item struct {
	Start, Doc, End uint32
	// Record is the offset of the record in its chunk.
	Record uint32
}

// idSpace is where an id goes: its 20 characters are written by End, when the record's bytes are known.
const idSpace = "                    "

// NewBatch returns an empty batch for a bulk operation, "create" or "index", with or without ids of our own.
func NewBatch(operation string, ids bool) *Batch {
	return &Batch{action: []byte(`{"` + operation + `":{`), ids: ids}
}

// Reset empties the batch. keep bounds the buffer that is kept, in bytes.
func (b *Batch) Reset(keep int) {
	if cap(b.Buf) > keep {
		b.Buf = nil
	}
	b.Buf, b.Items = b.Buf[:0], b.Items[:0]
	b.path, b.route = b.path[:0], b.route[:0]
}

// Index returns the index that the requests' path has to name: that of the batch's first record.
func (b *Batch) Index() string { return string(b.path) }

// Begin appends the action line of the next record, whose offset in the chunk is record. index has to be legal as OpenSearch
// sees it, so that it needs no escaping. The document is then appended to b.Buf, and End or Abandon closes the item.
func (b *Batch) Begin(index []byte, record int) {
	b.start = len(b.Buf)
	b.Buf = append(b.Buf, b.action...)
	if len(b.path) == 0 {
		b.path = append(b.path, index...)
	}
	other := string(b.path) != string(index)
	if other {
		b.Buf = append(append(append(b.Buf, `"_index":"`...), index...), '"')
	}
	if b.ids {
		if other {
			b.Buf = append(b.Buf, ',')
		}
		b.Buf = append(b.Buf, `"_id":"`+idSpace+`"`...)
	}
	b.Buf = append(b.Buf, "}}\n"...)
	b.Items = append(b.Items, Item{Start: uint32(b.start), Doc: uint32(len(b.Buf)), Record: uint32(record)})
}

// End closes the item that Begin opened. With ids, id is its 20 characters.
func (b *Batch) End(id *[IDSize]byte) {
	it := &b.Items[len(b.Items)-1]
	if b.ids {
		copy(b.Buf[int(it.Doc)-len(`"}}`+"\n")-IDSize:], id[:])
	}
	b.Buf = append(b.Buf, '\n')
	it.End = uint32(len(b.Buf))
}

// Abandon closes the item that Begin opened without a document: it stays in Items, with no bytes.
func (b *Batch) Abandon() {
	it := &b.Items[len(b.Items)-1]
	b.Buf = b.Buf[:b.start]
	it.Doc, it.End = it.Start, it.Start
}

// ID returns the id that item i is sent with, or "" without ids.
func (b *Batch) ID(i int) string {
	it := b.Items[i]
	if !b.ids || it.Start == it.End {
		return ""
	}
	end := int(it.Doc) - len(`"}}`+"\n")
	return string(b.Buf[end-IDSize : end])
}

// Document returns the document of item i without its newline, aliasing Buf.
func (b *Batch) Document(i int) []byte {
	it := b.Items[i]
	if it.Start == it.End {
		return nil
	}
	return b.Buf[it.Doc : it.End-1]
}

// Cut returns how many of the leading items in pending make up the next request: as many as fit in limit bytes and in count,
// and always at least one.
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

// Body returns the lines of the items in pending. Where they lie side by side it aliases Buf; else they are copied into
// scratch, which is returned grown.
func (b *Batch) Body(pending []int32, scratch []byte) (body, grown []byte) {
	if len(pending) == 0 {
		return nil, scratch
	}
	first, last := b.Items[pending[0]], b.Items[pending[len(pending)-1]]
	total := 0
	for _, i := range pending {
		total += int(b.Items[i].End - b.Items[i].Start)
	}
	if total == int(last.End-first.Start) {
		return b.Buf[first.Start:last.End], scratch
	}
	scratch = scratch[:0]
	for _, i := range pending {
		it := b.Items[i]
		scratch = append(scratch, b.Buf[it.Start:it.End]...)
	}
	return scratch, scratch
}
