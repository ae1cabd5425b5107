package chunk

import (
	"encoding/binary"
	"math"
)

// The readers take the value at b's start and return what follows it in rest.
// ok is false, and rest is b, where b does not start with a whole value of the
// kind; Skip then tells what is wrong. What they return aliases b.

// ReadMapHeader reads the number of pairs of a map. It does not look at them.
func ReadMapHeader(b []byte) (pairs uint32, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, b, false
	}
	switch c := b[0]; {
	case c&0xf0 == 0x80:
		return uint32(c & 0x0f), b[1:], true
	case c == 0xde && len(b) >= 3:
		return uint32(binary.BigEndian.Uint16(b[1:])), b[3:], true
	case c == 0xdf && len(b) >= 5:
		return binary.BigEndian.Uint32(b[1:]), b[5:], true
	}
	return 0, b, false
}

// ReadArrayHeader reads the number of elements of an array.
func ReadArrayHeader(b []byte) (elements uint32, rest []byte, ok bool) {
	if len(b) == 0 {
		return 0, b, false
	}
	switch c := b[0]; {
	case c&0xf0 == 0x90:
		return uint32(c & 0x0f), b[1:], true
	case c == 0xdc && len(b) >= 3:
		return uint32(binary.BigEndian.Uint16(b[1:])), b[3:], true
	case c == 0xdd && len(b) >= 5:
		return binary.BigEndian.Uint32(b[1:]), b[5:], true
	}
	return 0, b, false
}

// ReadString reads the bytes of a str or bin value, valid UTF-8 or not.
func ReadString(b []byte) (s, rest []byte, ok bool) {
	if len(b) == 0 {
		return nil, b, false
	}
	var n, header uint64
	switch c := b[0]; {
	case c&0xe0 == 0xa0:
		n, header = uint64(c&0x1f), 1
	case (c == 0xd9 || c == 0xc4) && len(b) >= 2:
		n, header = uint64(b[1]), 2
	case (c == 0xda || c == 0xc5) && len(b) >= 3:
		n, header = uint64(binary.BigEndian.Uint16(b[1:])), 3
	case (c == 0xdb || c == 0xc6) && len(b) >= 5:
		n, header = uint64(binary.BigEndian.Uint32(b[1:])), 5
	default:
		return nil, b, false
	}
	if n > uint64(len(b))-header {
		return nil, b, false
	}
	return b[header : header+n], b[header+n:], true
}

// ReadInteger reads a signed or unsigned integer of any width. v is its value,
// as the bits of an int64 if negative is true.
func ReadInteger(b []byte) (negative bool, v uint64, rest []byte, ok bool) {
	if len(b) == 0 {
		return false, 0, b, false
	}
	var s int64
	switch c := b[0]; {
	case c < 0x80:
		return false, uint64(c), b[1:], true
	case c >= 0xe0:
		return true, uint64(int64(int8(c))), b[1:], true
	case c == 0xcc && len(b) >= 2:
		return false, uint64(b[1]), b[2:], true
	case c == 0xcd && len(b) >= 3:
		return false, uint64(binary.BigEndian.Uint16(b[1:])), b[3:], true
	case c == 0xce && len(b) >= 5:
		return false, uint64(binary.BigEndian.Uint32(b[1:])), b[5:], true
	case c == 0xcf && len(b) >= 9:
		return false, binary.BigEndian.Uint64(b[1:]), b[9:], true
	case c == 0xd0 && len(b) >= 2:
		s, rest = int64(int8(b[1])), b[2:]
	case c == 0xd1 && len(b) >= 3:
		s, rest = int64(int16(binary.BigEndian.Uint16(b[1:]))), b[3:]
	case c == 0xd2 && len(b) >= 5:
		s, rest = int64(int32(binary.BigEndian.Uint32(b[1:]))), b[5:]
	case c == 0xd3 && len(b) >= 9:
		s, rest = int64(binary.BigEndian.Uint64(b[1:])), b[9:]
	default:
		return false, 0, b, false
	}
	return s < 0, uint64(s), rest, true
}

// ReadFloat reads a float of 32 or 64 bits; bits tells which.
func ReadFloat(b []byte) (v float64, bits int, rest []byte, ok bool) {
	switch {
	case len(b) >= 5 && b[0] == 0xca:
		return float64(math.Float32frombits(binary.BigEndian.Uint32(b[1:]))), 32, b[5:], true
	case len(b) >= 9 && b[0] == 0xcb:
		return math.Float64frombits(binary.BigEndian.Uint64(b[1:])), 64, b[9:], true
	}
	return 0, 0, b, false
}

// ReadExt reads an extension value: its type and its bytes.
func ReadExt(b []byte) (kind int8, data, rest []byte, ok bool) {
	if len(b) < 3 { // the shortest are a fixext 1 and an empty ext 8
		return 0, nil, b, false
	}
	var n, header uint64 // header counts the type byte too
	switch c := b[0]; {
	case c >= 0xd4 && c <= 0xd8:
		n, header = 1<<(c-0xd4), 2
	case c == 0xc7:
		n, header = uint64(b[1]), 3
	case c == 0xc8 && len(b) >= 4:
		n, header = uint64(binary.BigEndian.Uint16(b[1:])), 4
	case c == 0xc9 && len(b) >= 6:
		n, header = uint64(binary.BigEndian.Uint32(b[1:])), 6
	default:
		return 0, nil, b, false
	}
	if n > uint64(len(b))-header {
		return 0, nil, b, false
	}
	return int8(b[header-1]), b[header : header+n], b[header+n:], true
}
