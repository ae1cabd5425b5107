package equality

import (
	"slices"

	"github.com/tinylib/msgp/msgp"
)

// value is one msgpack value, encoded.
type value []byte

func str(s string) value { return msgp.AppendString(nil, s) }

func num(i int64) value { return msgp.AppendInt64(nil, i) }

func flt(f float64) value { return msgp.AppendFloat64(nil, f) }

func flt32(f float32) value { return msgp.AppendFloat32(nil, f) }

func bin(s string) value { return msgp.AppendBytes(nil, []byte(s)) }

// raw is for encodings that an encoder does not choose by itself.
func raw(s string) value { return value(s) }

var null = raw("\xc0")

func ext(kind int8, data string) value {
	return append([]byte{0xc7, byte(len(data)), byte(kind)}, data...)
}

func list(elements ...value) value {
	return append(msgp.AppendArrayHeader(nil, uint32(len(elements))), slices.Concat(elements...)...)
}

// object is a map of key, value, key, value, …
func object(pairs ...value) value {
	return append(msgp.AppendMapHeader(nil, uint32(len(pairs)/2)), slices.Concat(pairs...)...)
}

// nested is a value inside so many maps (or arrays, with no key).
func nested(depth int, key string, inner value) value {
	for range depth {
		if key == "" {
			inner = list(inner)
		} else {
			inner = object(str(key), inner)
		}
	}
	return inner
}
