package document

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"out_opensearch_irsa/internal/chunk"
	"out_opensearch_irsa/internal/strftime"
)

// reference makes the same documents as the rest of this package, the obvious way: it remembers
// nothing of the record before, and copies where that is simpler. It is what tests compare the
// encoder with, and what a record goes through on which the encoder panics. So it shares nothing
// with the encoder but the readers of single msgpack values, the compiled time format and the
// errors.
type reference struct {
	options Options
	format  strftime.Format
	dedot   [][]string // the names of each path in Options.Dedot, as JSON
	tag     string
}

// field is a key and its value, both as JSON.
type field struct{ key, value string }

// level is where in the record a value stands.
type level struct {
	depth int      // maps and arrays around it
	inKey bool     // whether one of them is a key
	path  []string // the keys above it, as JSON
}

// AppendReference does what Append does, slowly, and with the same result.
func (e *Encoder) AppendReference(dst []byte, sec int64, nsec uint32, body []byte) (out []byte,
	n int, err error) {
	return e.reference.append(dst, sec, nsec, body)
}

func newReference(o Options) (r reference, err error) {
	r.options = o
	if o.TimeKey != "" {
		if r.format, err = strftime.Compile(cmp.Or(o.TimeFormat, DefaultTimeFormat)); err != nil {
			return r, err
		}
	}
	for _, path := range o.Dedot {
		var names []string
		for _, name := range strings.Split(path, ".") {
			names = append(names, jsonString(name))
		}
		r.dedot = append(r.dedot, names)
	}
	return r, nil
}

func (r *reference) append(dst []byte, sec int64, nsec uint32, body []byte) (out []byte, n int,
	err error) {
	if n, err = chunk.Skip(body); err != nil {
		return dst, 0, err
	}
	pairs, rest, ok := chunk.ReadMapHeader(body)
	if !ok {
		return dst, n, errNotMap
	}
	var fields []field
	if r.options.TimeKey != "" {
		text := string(r.format.Append(nil, max(sec, 0)))
		if r.options.TimeNanos {
			text += fmt.Sprintf(".%09dZ", nsec)
		} else {
			text += fmt.Sprintf(".%03dZ", nsec/1e6)
		}
		fields = append(fields, field{jsonString(r.options.TimeKey), jsonString(text)})
	}
	if r.options.TagKey != "" {
		fields = append(fields, field{jsonString(r.options.TagKey), jsonString(r.tag)})
	}
	text, _, reject := r.object(fields, rest, pairs, level{depth: 1})
	if reject != nil {
		return dst, n, reject
	}
	return append(dst, text...), n, nil
}

// object makes the JSON of a map, whose pairs start at b, with fields before them.
func (r *reference) object(fields []field, b []byte, pairs uint32, at level) (text string,
	rest []byte, reject *RejectError) {
	last := map[string]int{}
	for i, f := range fields {
		last[f.key] = i
	}
	for range pairs {
		var f field
		if f.key, b, reject = r.key(b, at); reject != nil {
			return "", nil, reject
		}
		below := level{at.depth, at.inKey, append(slices.Clone(at.path), f.key)}
		if f.value, b, reject = r.value(b, below); reject != nil {
			return "", nil, reject
		}
		last[f.key] = len(fields)
		fields = append(fields, f)
	}
	var kept []string
	for i, f := range fields {
		if last[f.key] == i {
			kept = append(kept, f.key+":"+f.value)
		}
	}
	return "{" + strings.Join(kept, ",") + "}", b, nil
}

// key makes a JSON string of the key at b's start: anything but text is written as its JSON in
// quotes.
func (r *reference) key(b []byte, at level) (text string, rest []byte, reject *RejectError) {
	_, _, isMap := chunk.ReadMapHeader(b)
	_, _, isArray := chunk.ReadArrayHeader(b)
	if isMap || isArray {
		if at.inKey {
			return "", nil, errKeyDepth
		}
		at.inKey = true
	}
	if text, rest, reject = r.value(b, at); reject != nil {
		return "", nil, reject
	}
	if isMap || isArray || text[0] != '"' {
		text = jsonString(text)
	}
	if r.replacesDots(at.path) {
		text = strings.ReplaceAll(text, ".", "_")
	}
	return text, rest, nil
}

func (r *reference) replacesDots(path []string) bool {
	if r.options.ReplaceDots {
		return true
	}
	for _, names := range r.dedot {
		if len(names) <= len(path) && slices.Equal(names, path[:len(names)]) {
			return true
		}
	}
	return false
}

// value makes the JSON of the value at b's start.
func (r *reference) value(b []byte, at level) (text string, rest []byte, reject *RejectError) {
	if s, rest, ok := chunk.ReadString(b); ok {
		return jsonString(string(s)), rest, nil
	}
	if negative, v, rest, ok := chunk.ReadInteger(b); ok {
		if negative {
			return strconv.FormatInt(int64(v), 10), rest, nil
		}
		return strconv.FormatUint(v, 10), rest, nil
	}
	if v, bits, rest, ok := chunk.ReadFloat(b); ok {
		return jsonFloat(v, bits), rest, nil
	}
	if kind, data, rest, ok := chunk.ReadExt(b); ok {
		return jsonString(extText(kind, data)), rest, nil
	}
	pairs, inside, isMap := chunk.ReadMapHeader(b)
	elements, elementsFrom, isArray := chunk.ReadArrayHeader(b)
	switch {
	case (isMap || isArray) && at.depth == maxDepth:
		return "", nil, errTooDeep
	case isMap:
		at.depth++
		return r.object(nil, inside, pairs, at)
	case isArray:
		at.depth++
		return r.array(elementsFrom, elements, at)
	case b[0] == 0xc2:
		return "false", b[1:], nil
	case b[0] == 0xc3:
		return "true", b[1:], nil
	}
	return "null", b[1:], nil // nothing else is left: Skip has gone over the whole
}

func (r *reference) array(b []byte, elements uint32, at level) (text string, rest []byte,
	reject *RejectError) {
	var values []string
	for range elements {
		if text, b, reject = r.value(b, at); reject != nil {
			return "", nil, reject
		}
		values = append(values, text)
	}
	return "[" + strings.Join(values, ",") + "]", b, nil
}

// jsonFloat is null for what JSON has no number for. A number always shows that it is no integer.
func jsonFloat(v float64, bits int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "null"
	}
	if a := math.Abs(v); a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.FormatFloat(v, 'e', -1, bits)
	}
	text := strconv.FormatFloat(v, 'f', -1, bits)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}

// extText is the time that Fluentd's EventTime or msgpack's timestamp stands for, if that has a
// year of four digits; else the bytes in hexadecimal.
func extText(kind int8, data []byte) string {
	sec, nsec := int64(math.MaxInt64), uint32(0)
	if kind == 0 && len(data) == 8 {
		sec, nsec = int64(binary.BigEndian.Uint32(data)), binary.BigEndian.Uint32(data[4:])
	}
	if kind == -1 {
		switch len(data) {
		case 4:
			sec = int64(binary.BigEndian.Uint32(data))
		case 8:
			v := binary.BigEndian.Uint64(data)
			sec, nsec = int64(v&0x3ffffffff), uint32(v>>34)
		case 12:
			nsec, sec = binary.BigEndian.Uint32(data), int64(binary.BigEndian.Uint64(data[4:]))
		}
	}
	first, last := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC),
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	if sec < first.Unix() || sec > last.Unix() || nsec >= 1e9 {
		return hex.EncodeToString(data)
	}
	return time.Unix(sec, int64(nsec)).UTC().Format("2006-01-02T15:04:05.000000000Z")
}

var escapes = map[rune]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`,
	'\t': `\t`}

// jsonString quotes s. Each byte that is no UTF-8 becomes U+FFFD.
func jsonString(s string) string {
	var out bytes.Buffer
	out.WriteByte('"')
	for len(s) > 0 {
		c, size := utf8.DecodeRuneInString(s)
		switch escape, ok := escapes[c]; {
		case ok:
			out.WriteString(escape)
		case c < ' ':
			fmt.Fprintf(&out, `\u%04x`, c)
		default:
			out.WriteRune(c)
		}
		s = s[size:]
	}
	out.WriteByte('"')
	return out.String()
}
