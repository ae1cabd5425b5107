package document

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// The model reads a body by another decoder into Go's maps, and the document by
// encoding/json, and compares the two.

// integer and float stand for numbers in the model.
type (
	integer string
	float   struct {
		v    float64
		bits int
	}
)

// repair is a string as encoding/json would read its bytes.
func repair(s []byte) string { return string([]rune(string(s))) }

// model decodes the value at b's start. name changes keys.
func model(b []byte, path []string, name func(path []string, key string) string) (any, []byte,
	error) {
	switch msgp.NextType(b) {
	case msgp.MapType:
		n, b, err := msgp.ReadMapHeaderBytes(b)
		if err != nil {
			return nil, b, err
		}
		m := map[string]any{}
		for range n {
			var k, v any
			if k, b, err = model(b, path, name); err != nil {
				return nil, b, err
			}
			text, err := keyText(k)
			if err != nil {
				return nil, b, err
			}
			text = name(path, text)
			if v, b, err = model(b, append(path[:len(path):len(path)], text), name); err != nil {
				return nil, b, err
			}
			m[text] = v
		}
		return m, b, nil
	case msgp.ArrayType:
		n, b, err := msgp.ReadArrayHeaderBytes(b)
		if err != nil {
			return nil, b, err
		}
		a := []any{}
		for range n {
			var v any
			if v, b, err = model(b, path, name); err != nil {
				return nil, b, err
			}
			a = append(a, v)
		}
		return a, b, nil
	case msgp.StrType:
		s, b, err := msgp.ReadStringZC(b)
		return repair(s), b, err
	case msgp.BinType:
		s, b, err := msgp.ReadBytesZC(b)
		return repair(s), b, err
	case msgp.IntType:
		v, b, err := msgp.ReadInt64Bytes(b)
		return integer(strconv.FormatInt(v, 10)), b, err
	case msgp.UintType:
		v, b, err := msgp.ReadUint64Bytes(b)
		return integer(strconv.FormatUint(v, 10)), b, err
	case msgp.Float32Type:
		v, b, err := msgp.ReadFloat32Bytes(b)
		return modelFloat(float64(v), 32), b, err
	case msgp.Float64Type:
		v, b, err := msgp.ReadFloat64Bytes(b)
		return modelFloat(v, 64), b, err
	case msgp.BoolType:
		v, b, err := msgp.ReadBoolBytes(b)
		return v, b, err
	case msgp.NilType:
		b, err := msgp.ReadNilBytes(b)
		return nil, b, err
	case msgp.InvalidType:
		return nil, b, errors.New("invalid")
	}
	var raw msgp.RawExtension // timestamps and the like
	if b[0] >= 0xd4 && b[0] <= 0xd8 || b[0] >= 0xc7 && b[0] <= 0xc9 {
		head := map[byte]int{0xc7: 2, 0xc8: 3, 0xc9: 5}[b[0]] + map[bool]int{true: 1}[b[0] >= 0xd4]
		if len(b) <= head {
			return nil, b, errors.New("short")
		}
		raw.Type = int8(b[head])
	}
	b, err := msgp.ReadExtensionBytes(b, &raw)
	if err != nil {
		return nil, b, err
	}
	if t, ok := extTime(raw.Type, raw.Data); ok {
		return t.UTC().Format("2006-01-02T15:04:05.000000000Z"), b, nil
	}
	return hex.EncodeToString(raw.Data), b, nil
}

func modelFloat(v float64, bits int) any {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	return float{v, bits}
}

// keyText is the text of a key that may be no string. Of maps and floats, the
// text is only known to be some JSON of the value, so that is not modelled.
func keyText(k any) (string, error) {
	switch k := k.(type) {
	case string:
		return k, nil
	case integer:
		return string(k), nil
	case nil:
		return "null", nil
	case bool:
		return strconv.FormatBool(k), nil
	case float:
		return string(AppendFloat(nil, k.v, k.bits)), nil
	}
	return "", errNotModelled
}

var errNotModelled = errors.New("a map or an array as a key")

// readJSON reads one value, keeping numbers as written, and fails if an object
// has a key twice.
func readJSON(text []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	v, err := readToken(d)
	if err != nil {
		return nil, err
	}
	if _, err := d.Token(); err != io.EOF {
		return nil, fmt.Errorf("more follows the value: %w", err)
	}
	return v, nil
}

func readToken(d *json.Decoder) (any, error) {
	t, err := d.Token()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		m := map[string]any{}
		for d.More() {
			k, err := d.Token()
			if err != nil {
				return nil, err
			}
			if _, ok := m[k.(string)]; ok {
				return nil, fmt.Errorf("key %q comes twice", k)
			}
			if m[k.(string)], err = readToken(d); err != nil {
				return nil, err
			}
		}
		_, err = d.Token()
		return m, err
	case json.Delim('['):
		a := []any{}
		for d.More() {
			v, err := readToken(d)
			if err != nil {
				return nil, err
			}
			a = append(a, v)
		}
		_, err = d.Token()
		return a, err
	}
	return t, nil
}

// same tells whether the JSON value got stands for the model's value want.
func same(got, want any) bool {
	switch want := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok || len(g) != len(want) {
			return false
		}
		for k, w := range want {
			if v, ok := g[k]; !ok || !same(v, w) {
				return false
			}
		}
		return true
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(want) {
			return false
		}
		for i, w := range want {
			if !same(g[i], w) {
				return false
			}
		}
		return true
	case integer:
		return got == json.Number(want)
	case float:
		g, ok := got.(json.Number)
		if !ok || !strings.ContainsAny(string(g), ".e") {
			return false
		}
		v, err := strconv.ParseFloat(string(g), want.bits)
		return err == nil && math.Float64bits(v) == math.Float64bits(want.v)
	}
	return got == want
}

// check compares the document of a body with the model's.
func check(t testing.TB, o Options, text, body []byte, sec int64, nsec uint32, tag string) {
	t.Helper()
	got, err := readJSON(text)
	if err != nil {
		t.Fatalf("%v\nbody: %x\ntext: %s", err, body, text)
	}
	want, _, err := model(body, nil, renamer(o))
	if errors.Is(err, errNotModelled) {
		return
	}
	if err != nil {
		t.Fatalf("the model cannot read the body: %v\nbody: %x\ntext: %s", err, body, text)
	}
	m := want.(map[string]any)
	if key := repair([]byte(o.TimeKey)); o.TimeKey != "" {
		if _, ok := m[key]; !ok {
			layout, ok := layouts[o.TimeFormat]
			if !ok {
				t.Fatalf("the model does not know the time format %q", o.TimeFormat)
			}
			fraction := ".000Z"
			if o.TimeNanos {
				fraction = ".000000000Z"
			}
			at := time.Unix(sec, int64(nsec)).UTC()
			if m[key] = at.Format(layout + fraction); layout == "" {
				m[key] = strconv.FormatInt(sec, 10) + at.Format(".000000000Z")[:len(fraction)-1] + "Z"
			}
		}
	}
	if key := repair([]byte(o.TagKey)); o.TagKey != "" {
		if _, ok := m[key]; !ok {
			m[key] = repair([]byte(tag))
		}
	}
	if !same(got, want) {
		t.Fatalf("got  %s\nwant %v\nbody: %x", text, want, body)
	}
}

// layouts are Go's for the time formats in tests.
var layouts = map[string]string{
	"":                     "2006-01-02T15:04:05",
	"%Y-%m-%dT%H:%M:%S":    "2006-01-02T15:04:05",
	"%F":                   "2006-01-02",
	"%d/%b/%y \"%H\" \xff": "02/Jan/06 \"15\" \ufffd",
	"%s":                   "", // Go has none
}

func renamer(o Options) func([]string, string) string {
	return func(path []string, key string) string {
		if o.ReplaceDots {
			return strings.ReplaceAll(key, ".", "_")
		}
		for _, d := range o.Dedot {
			names := strings.Split(repair([]byte(d)), ".")
			if len(path) >= len(names) && slices.Equal(path[:len(names)], names) {
				return strings.ReplaceAll(key, ".", "_")
			}
		}
		return key
	}
}
