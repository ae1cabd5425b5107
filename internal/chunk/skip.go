package chunk

import "encoding/binary"

const (
	truncated = "a value is cut off"
	reserved  = "0xc1 is no msgpack value"
)

// Skip returns the length in bytes of the msgpack value at b's start. It fails
// with a *CorruptError if the value does not end within b or is no msgpack; its
// Offset is relative to b. The work is linear in the length, however deeply
// values nest and whatever sizes they declare.
func Skip(b []byte) (n int, err error) {
	n, corrupt := skip(b)
	if corrupt != nil {
		return 0, corrupt
	}
	return n, nil
}

func skip(b []byte) (n int, corrupt *CorruptError) {
	for need := uint64(1); need > 0; need-- {
		if n >= len(b) {
			return 0, &CorruptError{n, truncated}
		}
		if size := 1 + int(b[n]&0x1f); b[n]&0xe0 == 0xa0 && n+size <= len(b) { // fixstr, the most frequent
			n += size
			continue
		}
		header, payload, children := headerOf(b[n:])
		if header == 0 {
			return 0, &CorruptError{n, headerReason(b[n])}
		}
		// Every child takes a byte at least, so that a declared size beyond what
		// is left is refused before any of it is walked.
		left := uint64(len(b) - n - header)
		if payload > left || need-1+children > left {
			return 0, &CorruptError{n, truncated}
		}
		need += children
		n += header + int(payload)
	}
	return n, nil
}

// headerOf tells the shape of the value at b's start: the bytes of its header (0 if
// they are not all there or none is possible), the bytes of payload that follow,
// and the number of values inside it.
func headerOf(b []byte) (header int, payload, children uint64) {
	c := b[0]
	switch {
	case c < 0x80 || c >= 0xe0: // fixint
		return 1, 0, 0
	case c < 0x90: // fixmap
		return 1, 0, 2 * uint64(c&0x0f)
	case c < 0xa0: // fixarray
		return 1, 0, uint64(c & 0x0f)
	case c < 0xc0: // fixstr, and not whole, or skip had passed over it
		return 0, 0, 0
	}
	s := sizes[c-0xc0]
	header = 1 + int(s.length)
	if s.kind == none || len(b) < header {
		return 0, 0, 0
	}
	var declared uint64
	switch s.length {
	case 1:
		declared = uint64(b[1])
	case 2:
		declared = uint64(binary.BigEndian.Uint16(b[1:]))
	case 4:
		declared = uint64(binary.BigEndian.Uint32(b[1:]))
	}
	switch s.kind {
	case arrays:
		return header, 0, declared
	case maps:
		return header, 0, 2 * declared
	default:
		return header, declared + uint64(s.fixed), 0
	}
}

func headerReason(c byte) string {
	if c == 0xc1 {
		return reserved
	}
	return truncated
}

const (
	none   = iota // not a value
	plain         // fixed bytes, and as many as the length says
	arrays        // the length counts values
	maps          // the length counts pairs
)

// sizes describes the values whose first byte is 0xc0 to 0xdf.
var sizes = [32]struct{ kind, length, fixed uint8 }{
	{plain, 0, 0}, {none, 0, 0}, {plain, 0, 0}, {plain, 0, 0}, // nil, never used, false, true
	{plain, 1, 0}, {plain, 2, 0}, {plain, 4, 0}, // bin 8, 16, 32
	{plain, 1, 1}, {plain, 2, 1}, {plain, 4, 1}, // ext 8, 16, 32
	{plain, 0, 4}, {plain, 0, 8}, // float 32, 64
	{plain, 0, 1}, {plain, 0, 2}, {plain, 0, 4}, {plain, 0, 8}, // uint 8 to 64
	{plain, 0, 1}, {plain, 0, 2}, {plain, 0, 4}, {plain, 0, 8}, // int 8 to 64
	{plain, 0, 2}, {plain, 0, 3}, {plain, 0, 5}, {plain, 0, 9}, {plain, 0, 17}, // fixext 1 to 16
	{plain, 1, 0}, {plain, 2, 0}, {plain, 4, 0}, // str 8, 16, 32
	{arrays, 2, 0}, {arrays, 4, 0}, {maps, 2, 0}, {maps, 4, 0},
}
