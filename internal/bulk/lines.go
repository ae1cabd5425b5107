package bulk

import (
	"fmt"

	"github.com/zeebo/xxh3"
)

// A document of several lines has the id of its first line, so that a reading of the file which cut
// them elsewhere meets it. Which of the two has all lines is decided by a version, their number: an
// index operation with an external version replaces a document with fewer lines, and is refused
// (409) where the one that is stored has as many or more. So no line is lost in whatever order they
// come, and nothing has to be read.

// appendReplacing appends the beginning of an action line of a document of so many lines.
func appendReplacing(buf []byte, lines int) []byte {
	return fmt.Appendf(buf, `{"index":{"version":%d,"version_type":"external",`, lines)
}

// CreateOnly makes documents of several lines, those of now and those to come, ones that replace
// none, for a data stream, which takes nothing but create. Their number of lines is then part of
// their ids: what was read in other cuts is stored beside it. The items' places in Buf change.
func (b *Batch) CreateOnly() {
	if b.createOnly {
		return
	}
	b.createOnly = true
	for i := range b.Items {
		it := &b.Items[i]
		if it.lines == 0 || it.Start == it.End {
			continue
		}
		by := len(appendReplacing(nil, int(it.lines))) - len(b.op.action)
		it.Start += uint32(by)
		copy(b.Buf[it.Start:], b.op.action)
		var id [IDSize]byte
		at := b.idEnd(i) - IDSize
		copy(id[:], b.Buf[at:])
		b.putID(at, &id, it.lines)
	}
}

// putID writes an id to its place in Buf.
func (b *Batch) putID(at int, id *[IDSize]byte, lines uint32) {
	out := b.Buf[at : at+IDSize]
	copy(out, id[:])
	if b.createOnly && lines > 0 {
		h := xxh3.HashSeed(id[:], uint64(lines))
		for i := IDSize / 2; i < IDSize; i++ { // the time stays
			out[i] = base64URL[h&63]
			h >>= 6
		}
	}
}
