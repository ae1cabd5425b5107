package bulk

import (
	"encoding/binary"
	"hash/crc32"

	"out_opensearch_irsa/internal/deflate"
)

// Compressor turns bodies into gzip (RFC 1952), quickly rather than tightly: a log's repetition is close by, and what more
// effort gains on the wire costs several times as much on the node. It keeps its memory; one belongs to one worker at a time.
type Compressor struct{ deflate *deflate.Compressor }

// gzipHead says deflate, without a name or a time, by an unknown system.
const gzipHead = "\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"

// Compress appends the gzip of body to dst and returns it grown.
func (c *Compressor) Compress(dst, body []byte) []byte {
	if c.deflate == nil {
		c.deflate = new(deflate.Compressor)
	}
	dst = c.deflate.Append(append(dst, gzipHead...), body)
	dst = binary.LittleEndian.AppendUint32(dst, crc32.ChecksumIEEE(body))
	return binary.LittleEndian.AppendUint32(dst, uint32(len(body)))
}
