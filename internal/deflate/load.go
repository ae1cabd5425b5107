package deflate

import (
	"encoding/binary"
	"math/bits"
	"runtime"
	"unsafe"
)

// load returns the eight bytes of b at i, without a check that they are there: i has to be from 0
// to len(b)-8. A fifth of the parser's time went into that check.
func load(b []byte, i int) uint64 {
	p := (*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i)) // #nosec G103 -- the parser stays room away from the end
	return binary.LittleEndian.Uint64(p[:])
}

// store writes eight bytes of b at i, likewise.
func store(b []byte, i int, v uint64) {
	p := (*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i)) // #nosec G103 -- the caller has grown b by what it writes
	binary.LittleEndian.PutUint64(p[:], v)
}

// sameBytes is how many of two words' first bytes are the same, of which x is the exclusive or.
func sameBytes(x uint64) int {
	if runtime.GOARCH == "amd64" { // whose first processors' instruction for trailing zeros is slow, and stays so on later ones
		return bits.OnesCount64((x-1)&^x) >> 3
	}
	return bits.TrailingZeros64(x) >> 3
}
