package simulation

import (
	"encoding/binary"
	"encoding/hex"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A value of a record is nil, bool, int64, uint64, float32, float64, string (any bytes), blob, ext,
// list or object. An object keeps its pairs in order and may have a key twice.
type (
	blob []byte
	ext  struct {
		kind int8
		data []byte
	}
	list   []any
	object []pair
	pair   struct{ key, value any }
)

// appendMsgpack writes v in one of the forms that msgpack allows for it, drawn by r: the smallest
// one more often than not.
func appendMsgpack(b []byte, v any, r *rand.Rand) []byte {
	switch v := v.(type) {
	case nil:
		return append(b, 0xc0)
	case bool:
		if v {
			return append(b, 0xc3)
		}
		return append(b, 0xc2)
	case int64:
		return appendInt(b, v, r)
	case uint64:
		return appendUint(b, v, r)
	case float32:
		return binary.BigEndian.AppendUint32(append(b, 0xca), math.Float32bits(v))
	case float64:
		return binary.BigEndian.AppendUint64(append(b, 0xcb), math.Float64bits(v))
	case string:
		return append(appendSize(b, len(v), r, 0xa0, 31, 0xd9, 0xda, 0xdb), v...)
	case blob:
		return append(appendSize(b, len(v), r, 0, -1, 0xc4, 0xc5, 0xc6), v...)
	case ext:
		return appendExt(b, v, r)
	case list:
		b = appendSize(b, len(v), r, 0x90, 15, 0, 0xdc, 0xdd)
		for _, e := range v {
			b = appendMsgpack(b, e, r)
		}
		return b
	case object:
		b = appendSize(b, len(v), r, 0x80, 15, 0, 0xde, 0xdf)
		for _, p := range v {
			b = appendMsgpack(appendMsgpack(b, p.key, r), p.value, r)
		}
		return b
	}
	panic("no value of a record")
}

// wider draws how many forms are passed over for a larger one.
func wider(r *rand.Rand) int {
	if r.IntN(6) > 0 {
		return 0
	}
	return 1 + r.IntN(3)
}

// appendSize writes the head of what has n parts: in the form with the size in itself up to fix,
// else in one, two or four bytes behind the code. A code of 0 is no form.
func appendSize(b []byte, n int, r *rand.Rand, fixCode byte, fix int, one, two, four byte) []byte {
	more := wider(r)
	if n <= fix {
		if more--; more < 0 {
			return append(b, fixCode|byte(n))
		}
	}
	if one != 0 && n < 1<<8 {
		if more--; more < 0 {
			return append(b, one, byte(n))
		}
	}
	if n < 1<<16 {
		if more--; more < 0 {
			return binary.BigEndian.AppendUint16(append(b, two), uint16(n))
		}
	}
	return binary.BigEndian.AppendUint32(append(b, four), uint32(n))
}

func appendInt(b []byte, v int64, r *rand.Rand) []byte {
	if v >= 0 && r.IntN(3) > 0 {
		return appendUint(b, uint64(v), r)
	}
	more := wider(r)
	forms := []struct {
		fits bool
		code byte
		size int
	}{
		{v >= math.MinInt8 && v <= math.MaxInt8, 0xd0, 1},
		{v >= math.MinInt16 && v <= math.MaxInt16, 0xd1, 2},
		{v >= math.MinInt32 && v <= math.MaxInt32, 0xd2, 4}, {true, 0xd3, 8},
	}
	if v >= -32 && v < 0 {
		if more--; more < 0 {
			return append(b, byte(v))
		}
	}
	for i, f := range forms {
		if more--; f.fits && (more < 0 || i == len(forms)-1) {
			return appendLow(append(b, f.code), uint64(v), f.size)
		}
	}
	return b
}

func appendUint(b []byte, v uint64, r *rand.Rand) []byte {
	more := wider(r)
	if v < 128 {
		if more--; more < 0 {
			return append(b, byte(v))
		}
	}
	for i, size := range []int{1, 2, 4, 8} {
		if more--; (size == 8 || v < 1<<(8*size)) && (more < 0 || size == 8) {
			return appendLow(append(b, 0xcc+byte(i)), v, size)
		}
	}
	return b
}

func appendLow(b []byte, v uint64, size int) []byte {
	for i := size - 1; i >= 0; i-- {
		b = append(b, byte(v>>(8*i)))
	}
	return b
}

func appendExt(b []byte, v ext, r *rand.Rand) []byte {
	if at := slices.Index([]int{1, 2, 4, 8, 16}, len(v.data)); at >= 0 && r.IntN(3) > 0 {
		return append(append(b, 0xd4+byte(at), byte(v.kind)), v.data...)
	}
	return append(append(appendSize(b, len(v.data), r, 0, -1, 0xc7, 0xc8, 0xc9), byte(v.kind)),
		v.data...)
}

// A form is a value as text in which equal values are equal, whatever they were written in: the
// keys of objects in order, numbers in one notation. Records and documents are compared by it.

// naming is what the options do to keys.
type naming struct {
	replaceDots bool
	dedot       bool // under kubernetes.labels and kubernetes.annotations
}

func (n naming) rename(path []string, key string) string {
	under := len(path) >= 2 && path[0] == "kubernetes" &&
		(path[1] == "labels" || path[1] == "annotations")
	if n.replaceDots || n.dedot && under {
		return strings.ReplaceAll(key, ".", "_")
	}
	return key
}

// formOf is the form of the document that a record's value has to become.
func formOf(v any, path []string, n naming) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case uint64:
		return strconv.FormatUint(v, 10)
	case float32:
		return floatForm(strconv.FormatFloat(float64(v), 'g', -1, 32), float64(v))
	case float64:
		return floatForm(strconv.FormatFloat(v, 'g', -1, 64), v)
	case string:
		return stringForm(valid(v))
	case blob:
		return stringForm(valid(string(v)))
	case ext:
		return stringForm(extText(v))
	case list:
		parts := make([]string, len(v))
		for i, e := range v {
			parts[i] = formOf(e, path, n)
		}
		return listForm(parts)
	case object:
		return objectForm(membersOf(v, path, n))
	}
	panic("no value of a record")
}

// membersOf are an object's members as forms: of a key that comes twice, the last.
func membersOf(o object, path []string, n naming) map[string]string {
	m := make(map[string]string, len(o)+2)
	for _, p := range o {
		key := n.rename(path, keyText(p.key))
		m[key] = formOf(p.value, append(path[:len(path):len(path)], key), n)
	}
	return m
}

// keyText is what a key becomes in JSON, which has strings alone.
func keyText(k any) string {
	switch k := k.(type) {
	case string:
		return valid(k)
	case blob:
		return valid(string(k))
	}
	return formOf(k, nil, naming{})
}

// valid is a string as UTF-8, with U+FFFD for each byte that is none.
func valid(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// extText is what an ext becomes: Fluent Bit's time a date, others hex.
func extText(v ext) string {
	if v.kind == 0 && len(v.data) == 8 {
		sec, nsec := binary.BigEndian.Uint32(v.data), binary.BigEndian.Uint32(v.data[4:])
		return time.Unix(int64(sec), int64(nsec)).UTC().Format("2006-01-02T15:04:05.000000000Z")
	}
	return hex.EncodeToString(v.data)
}

func floatForm(shortest string, v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "null"
	}
	f, _ := strconv.ParseFloat(shortest, 64)
	return "f" + strconv.FormatFloat(f, 'g', -1, 64)
}

func stringForm(s string) string { return `"` + s + `"` + strconv.Itoa(len(s)) }

func listForm(parts []string) string { return "[" + strings.Join(parts, ",") + "]" }

func objectForm(members map[string]string) string {
	keys := make([]string, 0, len(members))
	for k := range members {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	var b strings.Builder
	b.WriteByte('{')
	for _, k := range keys {
		b.WriteString(stringForm(k))
		b.WriteByte(':')
		b.WriteString(members[k])
		b.WriteByte(',')
	}
	b.WriteByte('}')
	return b.String()
}
