package document

import (
	"encoding/binary"
	"math/bits"
)

// short is the letter of a character's two-byte escape, 0 if there is none.
var short = [256]byte{'"': '"', '\\': '\\', '\b': 'b', '\f': 'f', '\n': 'n', '\r': 'r', '\t': 't'}

const (
	eachByte = 0x0101010101010101
	eachTop  = 0x80 * eachByte
)

// marks sets the top bit of each byte of w that JSON text cannot take as it is:
// control characters, quote, backslash, and what is not ASCII. Each byte is
// looked at in its own lane: no carry leaves one, since low bits are all it adds to.
func marks(w uint64) uint64 {
	low := w &^ eachTop
	control := low + (0x80-' ')*eachByte          // top bit set: no control character
	quote := (low ^ '"'*eachByte) + 0x7f*eachByte // top bit set: another character
	slash := (low ^ '\\'*eachByte) + 0x7f*eachByte
	return (w | ^(control & quote & slash)) & eachTop
}

// copyWords is copyText for processors that have no version of their own; the
// slices include the bytes that it may read and write beyond the end.
func copyWords(dst, src []byte, n int) (read, written int) {
	for read < n {
		w := binary.LittleEndian.Uint64(src[read:])
		binary.LittleEndian.PutUint64(dst[written:], w)
		k := bits.TrailingZeros64(marks(w)) >> 3 // 8 if there is none
		read, written = read+k, written+k
		if k == 8 {
			continue
		}
		if read >= n || short[src[read]] == 0 {
			break
		}
		dst[written], dst[written+1] = '\\', short[src[read]]
		read, written = read+1, written+2
	}
	return read, written
}
