package bulk

import (
	"encoding/binary"
	"hash/crc32"

	"out_opensearch_irsa/internal/deflate"
)

// Compressor turns bodies into gzip (RFC 1952), quickly rather than tightly: a log's repetition is
// close by, and what more effort gains on the wire costs several times as much on the node. It
// keeps its memory; one belongs to one worker at a time.
type Compressor struct{ deflate *deflate.Compressor }

// gzipHead says deflate, without a name or a time, by an unknown system.
const gzipHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

// Compress appends the gzip of body to dst and returns it grown.
func (c *Compressor) Compress(dst, body []byte) []byte {
	dst = c.scratch().Append(append(dst, gzipHead...), body)
	return appendTail(dst, crc32.ChecksumIEEE(body), uint32(len(body)))
}

// Piece is a compressed part of a body. Any list of them is a body by Join: what each flush has
// compressed need not be compressed again where requests are joined.
type Piece struct {
	Data []byte // blocks of DEFLATE, none of them the last, that end where a byte does
	CRC  uint32 // of what Data holds, CRC-32 as gzip has it
	Size uint32 // of what Data holds, in bytes
}

// Piece compresses body. The piece's Data is appended to dst, which is returned grown.
func (c *Compressor) Piece(dst, body []byte) (p Piece, grown []byte) {
	start := len(dst)
	dst = c.scratch().AppendPart(dst, body)
	return Piece{Data: dst[start:len(dst):len(dst)], CRC: crc32.ChecksumIEEE(body),
		Size: uint32(len(body))}, dst
}

func (c *Compressor) scratch() *deflate.Compressor {
	if c.deflate == nil {
		c.deflate = new(deflate.Compressor)
	}
	return c.deflate
}

// Join appends the gzip of what the pieces hold, one after the other, to dst and returns it grown.
// It is a single member: OpenSearch 2.19.4 reads several, and a proxy before a domain, or another
// decoder, may stop behind the first.
func Join(dst []byte, pieces []Piece) []byte {
	dst = append(dst, gzipHead...)
	var crc, size uint32
	for i := range pieces {
		p := &pieces[i]
		dst = append(dst, p.Data...)
		crc = combineCRC(crc, p.CRC, p.Size)
		size += p.Size
	}
	return appendTail(append(dst, deflate.End...), crc, size)
}

func appendTail(dst []byte, crc, size uint32) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, crc)
	return binary.LittleEndian.AppendUint32(dst, size)
}
