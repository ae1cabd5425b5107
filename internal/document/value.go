package document

import (
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"time"

	"out_opensearch_irsa/internal/chunk"
)

// value appends the JSON of the msgpack value at e.src[i:] and returns the
// position after it, or a negative one and e.fail set. depth is the number of
// maps and arrays around the value; path says where dots are replaced.
func (e *Encoder) value(dst []byte, i, depth int, path *dedotNode) ([]byte, int) {
	if i >= len(e.src) {
		return dst, e.corrupt(i)
	}
	switch c := e.src[i]; {
	case c < 0x80:
		return appendUint(dst, uint64(c)), i + 1
	case c < 0x90 || c == 0xde || c == 0xdf:
		return e.object(dst, i, depth, path)
	case c < 0xa0 || c == 0xdc || c == 0xdd:
		return e.array(dst, i, depth, path)
	case isText(c):
		return e.text(dst, i)
	case c == 0xc0:
		return append(dst, "null"...), i + 1
	case c == 0xc2:
		return append(dst, "false"...), i + 1
	case c == 0xc3:
		return append(dst, "true"...), i + 1
	case c == 0xca || c == 0xcb:
		v, bits, rest, ok := chunk.ReadFloat(e.src[i:])
		if !ok {
			return dst, e.corrupt(i)
		}
		return AppendFloat(dst, v, bits), len(e.src) - len(rest)
	case c >= 0xcc && c <= 0xd3 || c >= 0xe0:
		negative, v, rest, ok := chunk.ReadInteger(e.src[i:])
		if !ok {
			return dst, e.corrupt(i)
		}
		if negative {
			return strconv.AppendInt(dst, int64(v), 10), len(e.src) - len(rest)
		}
		return appendUint(dst, v), len(e.src) - len(rest)
	default:
		kind, data, rest, ok := chunk.ReadExt(e.src[i:])
		if !ok {
			return dst, e.corrupt(i)
		}
		return appendExt(dst, kind, data), len(e.src) - len(rest)
	}
}

// isText tells the first byte of a str or bin value.
func isText(c byte) bool {
	return c&0xe0 == 0xa0 || c >= 0xd9 && c <= 0xdb || c >= 0xc4 && c <= 0xc6
}

// text appends a str or bin value in quotes.
func (e *Encoder) text(dst []byte, i int) ([]byte, int) {
	src := e.src
	var from, end int
	switch c := src[i]; {
	case c&0xe0 == 0xa0:
		from = i + 1
		end = from + int(c&0x1f)
	case c == 0xd9 && i+1 < len(src):
		from = i + 2
		end = from + int(src[i+1])
	default:
		s, rest, ok := chunk.ReadString(src[i:])
		if !ok {
			return dst, e.corrupt(i)
		}
		end = len(src) - len(rest)
		from = end - len(s)
	}
	if end > len(src) {
		return dst, e.corrupt(i)
	}
	if end-from > maxPiece {
		dst = append(dst, '"')
		dst = appendText(dst, src, from, end)
		return append(dst, '"'), end
	}
	dst = grow(dst, maxEscape*(end-from)+blockRoom)
	buf, to := dst[:cap(dst)], len(dst)
	buf[to] = '"'
	to++
	if end > len(src)-maxOver {
		to, _ = writeText(buf, to, src, from, end, end)
	} else if n := end - from; n > 0 {
		// what writeBlocks does, without a call where the text is plain
		read, written := copyText(&buf[to], &src[from], n)
		if to += written; read >= n {
			to -= read - n
		} else {
			to, i = writeMarked(buf, to, src, from+read, end, end)
			to, _ = writeBlocks(buf, to, src, i, end, end)
		}
	}
	buf[to] = '"'
	return buf[:to+1], end
}

func (e *Encoder) array(dst []byte, i, depth int, path *dedotNode) ([]byte, int) {
	elements, rest, ok := chunk.ReadArrayHeader(e.src[i:])
	if !ok {
		return dst, e.corrupt(i)
	}
	if depth == maxDepth {
		return dst, e.refuse(errTooDeep)
	}
	traced := e.trace.pause() // an array's inside has no keys to know it by
	i = len(e.src) - len(rest)
	dst = append(dst, '[')
	for ; elements > 0; elements-- {
		if dst, i = e.value(dst, i, depth+1, path); i < 0 {
			return dst, i
		}
		if elements > 1 {
			dst = append(dst, ',')
		}
	}
	e.trace.resume(traced)
	return append(dst, ']'), i
}

func (e *Encoder) object(dst []byte, i, depth int, path *dedotNode) ([]byte, int) {
	pairs, rest, ok := chunk.ReadMapHeader(e.src[i:])
	if !ok {
		return dst, e.corrupt(i)
	}
	if depth == maxDepth {
		return dst, e.refuse(errTooDeep)
	}
	dst = append(dst, '{')
	dst, i = e.pairs(dst, len(e.src)-len(rest), pairs, len(e.keys), depth+1, path)
	return append(dst, '}'), i
}

// appendExt appends an extension value as a string: a time in RFC 3339 if it is
// Fluentd's EventTime or msgpack's own timestamp, else its bytes in hexadecimal.
func appendExt(dst []byte, kind int8, data []byte) []byte {
	dst = append(dst, '"')
	if t, ok := extTime(kind, data); ok {
		dst = t.UTC().AppendFormat(dst, "2006-01-02T15:04:05.000000000Z")
	} else {
		n := hex.EncodedLen(len(data))
		dst = slices.Grow(dst, n+1)
		hex.Encode(dst[len(dst):len(dst)+n], data)
		dst = dst[:len(dst)+n]
	}
	return append(dst, '"')
}

// extTime reads an extension that stands for a time with a four-digit year.
func extTime(kind int8, data []byte) (t time.Time, ok bool) {
	var sec int64
	var nsec uint32
	switch {
	case kind == 0 && len(data) == 8:
		sec, nsec = int64(binary.BigEndian.Uint32(data)), binary.BigEndian.Uint32(data[4:])
	case kind == -1 && len(data) == 4:
		sec = int64(binary.BigEndian.Uint32(data))
	case kind == -1 && len(data) == 8:
		v := binary.BigEndian.Uint64(data)
		sec, nsec = int64(v&(1<<34-1)), uint32(v>>34)
	case kind == -1 && len(data) == 12:
		sec, nsec = int64(binary.BigEndian.Uint64(data[4:])), binary.BigEndian.Uint32(data)
	default:
		return t, false
	}
	const year0 = -62167219200
	return time.Unix(sec, int64(nsec)), nsec <= 999999999 && sec >= year0 && sec <= chunk.MaxSec
}
