package document

import (
	"bytes"
	"encoding/binary"
)

// startsWith is bytes.HasPrefix, quicker for the few dozen bytes of a constant.
func startsWith(b, prefix []byte) bool {
	n := len(prefix)
	if n < 16 || n > maxBlocks {
		return bytes.HasPrefix(b, prefix)
	}
	if len(b) < n {
		return false
	}
	for i := 0; i < n-16; i += 16 {
		if *(*[16]byte)(b[i:]) != *(*[16]byte)(prefix[i:]) {
			return false
		}
	}
	return *(*[16]byte)(b[n-16:]) == *(*[16]byte)(prefix[n-16:])
}

// maxBlocks is up to where loops over blocks are quicker than the library.
const maxBlocks = 128

// appendBlocks appends text, quicker than append for a few dozen bytes, since it
// copies whole blocks: text must have blockRoom bytes of capacity beyond its end.
func appendBlocks(dst, text []byte) []byte {
	n := len(text)
	if n > maxBlocks {
		return append(dst, text...)
	}
	dst = grow(dst, n+blockRoom)
	buf, text := dst[len(dst):len(dst)+n+blockRoom], text[:n+blockRoom]
	for i := 0; i < n; i += 32 {
		from, into := (*[32]byte)(text[i:]), (*[32]byte)(buf[i:])
		a, b := binary.LittleEndian.Uint64(from[:8]), binary.LittleEndian.Uint64(from[8:])
		c, d := binary.LittleEndian.Uint64(from[16:]), binary.LittleEndian.Uint64(from[24:])
		binary.LittleEndian.PutUint64(into[:8], a)
		binary.LittleEndian.PutUint64(into[8:], b)
		binary.LittleEndian.PutUint64(into[16:], c)
		binary.LittleEndian.PutUint64(into[24:], d)
	}
	return dst[:len(dst)+n]
}
