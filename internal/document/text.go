package document

import "slices"

const (
	maxEscape = 6 // bytes that one byte becomes at most: \u001f
	maxPiece  = 1 << 12
	maxOver   = 15 // bytes that copyText may read and write beyond the end
	blockRoom = 32 // bytes that may be written beyond the text
)

// grow returns dst with space for n more bytes.
func grow(dst []byte, n int) []byte {
	if cap(dst)-len(dst) < n {
		return slices.Grow(dst, n)
	}
	return dst
}

// AppendString appends s as a JSON string, with its quotation marks. Bytes that are no UTF-8 become
// U+FFFD.
func AppendString(dst, s []byte) []byte {
	return append(appendText(append(dst, '"'), s, 0, len(s)), '"')
}

// appendText appends src[i:end] as the inside of a JSON string. Bytes that are
// no UTF-8 become U+FFFD, one each, as encoding/json reads them. Beyond end, src
// is looked at but not used.
func appendText(dst, src []byte, i, end int) []byte {
	for i < end {
		stop := min(end, i+maxPiece)
		dst = grow(dst, maxEscape*(stop-i)+blockRoom)
		var to int
		to, i = writeText(dst[:cap(dst)], len(dst), src, i, stop, end)
		dst = dst[:to]
	}
	return dst
}

// writeText writes src[i:stop] to buf[to:], which has the room, and returns the
// positions it came to: of src it may be past stop, within a character.
func writeText(buf []byte, to int, src []byte, i, stop, end int) (int, int) {
	if safe := len(src) - maxOver; stop > safe { // the last bytes of a chunk
		if i < safe {
			to, i = writeBlocks(buf, to, src, i, safe, end)
		}
		var tail [32]byte
		n := copy(tail[:], src[i:end])
		written, read := writeBlocks(buf, to, tail[:], 0, stop-i, n)
		return written, i + read
	}
	return writeBlocks(buf, to, src, i, stop, end)
}

// writeBlocks is writeText where 16 bytes can be read from any place before stop.
// It copies blocks before it knows how much of them is right; what is wrong is
// written over by what comes next.
func writeBlocks(buf []byte, to int, src []byte, i, stop, end int) (int, int) {
	for i < stop {
		left := stop - i
		read, written := copyText(&buf[to], &src[i], left)
		if read >= left {
			return to + written - (read - left), stop
		}
		to, i = writeMarked(buf, to+written, src, i+read, stop, end)
	}
	return to, i
}

const hexDigits = "0123456789abcdef"

// writeMarked writes what starts at src[i] and is no ASCII text: one control
// character, or all the characters up to the next ASCII one.
func writeMarked(buf []byte, to int, src []byte, i, stop, end int) (int, int) {
	if c := src[i]; c < 0x80 {
		copy(buf[to:], `\u00`)
		buf[to+4], buf[to+5] = hexDigits[c>>4], hexDigits[c&15]
		return to + 6, i + 1
	}
	for i < stop && src[i] >= 0x80 {
		s := src[i:end]
		switch runeLen(s) {
		case 0:
			buf[to], buf[to+1], buf[to+2] = 0xef, 0xbf, 0xbd // U+FFFD
			to, i = to+3, i+1
		case 2:
			buf[to], buf[to+1] = s[0], s[1]
			to, i = to+2, i+2
		case 3:
			buf[to], buf[to+1], buf[to+2] = s[0], s[1], s[2]
			to, i = to+3, i+3
		default:
			buf[to], buf[to+1], buf[to+2], buf[to+3] = s[0], s[1], s[2], s[3]
			to, i = to+4, i+4
		}
	}
	return to, i
}

// runeLen returns the length of the valid UTF-8 sequence of two to four bytes at
// s's start, 0 if there is none.
func runeLen(s []byte) int {
	switch c := s[0]; {
	case c < 0xc2:
		return 0
	case c < 0xe0:
		if len(s) >= 2 && s[1]&0xc0 == 0x80 {
			return 2
		}
	case c < 0xf0:
		if len(s) >= 3 && s[1]&0xc0 == 0x80 && s[2]&0xc0 == 0x80 {
			r := uint(c&15)<<6 | uint(s[1]&63)
			if r >= 0x800>>6 && r>>5 != 0xd800>>11 { // neither overlong nor a surrogate
				return 3
			}
		}
	case c < 0xf5:
		if len(s) >= 4 && s[1]&0xc0 == 0x80 && s[2]&0xc0 == 0x80 && s[3]&0xc0 == 0x80 {
			r := uint(c&7)<<6 | uint(s[1]&63)
			if r >= 0x10000>>12 && r <= 0x10ffff>>12 {
				return 4
			}
		}
	}
	return 0
}
