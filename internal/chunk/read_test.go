package chunk

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"
)

// TestReadersAtTheEndsOfTheirInput reads each form of a value from its own bytes and no more, where
// nothing may be missing, and from each beginning of them, where something is.
func TestReadersAtTheEndsOfTheirInput(t *testing.T) {
	f := func(value string, read func(b []byte) (any, []byte, bool), want any) {
		t.Helper()
		whole, err := hex.DecodeString(value)
		if err != nil {
			t.Fatal(err)
		}
		if got, rest, ok := read(whole); !ok || got != want || len(rest) != 0 {
			t.Errorf("%s: %v, %x left, %v; want %v", value, got, rest, ok, want)
		}
		if got, rest, ok := read(append(bytes.Clone(whole), 0x01, 0x02)); !ok || got != want ||
			!bytes.Equal(rest, []byte{1, 2}) {
			t.Errorf("%s0102: %v, %x left, %v; want %v", value, got, rest, ok, want)
		}
		for n := range whole {
			if _, rest, ok := read(whole[:n]); ok || !bytes.Equal(rest, whole[:n]) {
				t.Errorf("%x of %s: read, or %x left", whole[:n], value, rest)
			}
		}
	}
	array := func(b []byte) (any, []byte, bool) { n, rest, ok := ReadArrayHeader(b); return n, rest, ok }
	f("93", array, uint32(3))
	f("dc0102", array, uint32(0x102))
	f("dd01020304", array, uint32(0x1020304))
	pairs := func(b []byte) (any, []byte, bool) { n, rest, ok := ReadMapHeader(b); return n, rest, ok }
	f("83", pairs, uint32(3))
	f("de0102", pairs, uint32(0x102))
	f("df01020304", pairs, uint32(0x1020304))
	text := func(b []byte) (any, []byte, bool) {
		s, rest, ok := ReadString(b)
		return string(s),
			rest, ok
	}
	for _, head := range []string{"a2", "d902", "c402", "da0002", "c50002", "db00000002",
		"c600000002"} {
		f(head+"6869", text, "hi")
	}
	f("d903"+"414243", text, "ABC")
	f("da0100"+strings.Repeat("41", 256), text, strings.Repeat("A", 256))
	integer := func(b []byte) (any, []byte, bool) {
		negative, v, rest, ok := ReadInteger(b)
		if negative {
			return int64(v), rest, ok
		}
		return v, rest, ok
	}
	f("7f", integer, uint64(127))
	f("e0", integer, int64(-32))
	f("cc80", integer, uint64(128))
	f("cd0102", integer, uint64(0x102))
	f("ce01020304", integer, uint64(0x1020304))
	f("cf0102030405060708", integer, uint64(0x102030405060708))
	f("d0ff", integer, int64(-1))
	f("d17f00", integer, uint64(0x7f00))
	f("d1fffe", integer, int64(-2))
	f("d2fffffffd", integer, int64(-3))
	f("d3fffffffffffffffc", integer, int64(-4))
	float := func(b []byte) (any, []byte, bool) { v, _, rest, ok := ReadFloat(b); return v, rest, ok }
	f("ca3fc00000", float, 1.5)
	f("cb3ff8000000000000", float, 1.5)
	ext := func(b []byte) (any, []byte, bool) {
		kind, data, rest, ok := ReadExt(b)
		return hex.EncodeToString(append([]byte{byte(kind)}, data...)), rest, ok
	}
	f("d407"+"01", ext, "0701")
	f("d507"+"0102", ext, "070102")
	f("d607"+"01020304", ext, "0701020304")
	f("d707"+"0102030405060708", ext, "070102030405060708")
	f("d807"+"01020304050607080910111213141516", ext, "0701020304050607080910111213141516")
	f("c70307"+"010203", ext, "07010203")
	f("c8000307"+"010203", ext, "07010203")
	f("c90000000307"+"010203", ext, "07010203")
}

// TestTimeIsTheRecordsOwn reads records one after the other into the same Record: none has a part
// of the time before.
func TestTimeIsTheRecordsOwn(t *testing.T) {
	body := []byte{0x80}
	record := func(time []byte) []byte { return append(append([]byte{0x92}, time...), body...) }
	event := []byte{0xd7, 0, 0x69, 0x4a, 0x11, 0x22, 0, 0, 0, 7}
	for name, c := range map[string]struct {
		time []byte
		sec  int64
	}{
		"integer":  {msgp.AppendInt(nil, 1_700_000_000), 1_700_000_000},
		"negative": {msgp.AppendInt(nil, -77), 0},
		"late":     {msgp.AppendUint64(nil, 1<<62), MaxSec},
		"float":    {msgp.AppendFloat64(nil, 1_700_000_000), 1_700_000_000},
		"NaN":      {[]byte{0xcb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0}, 0},
	} {
		w := NewWalker(append(record(event), record(c.time)...))
		var r Record
		for range 2 {
			if ok, err := w.Next(&r); !ok || err != nil {
				t.Fatal(name, ok, err)
			}
			w.Advance(len(body))
		}
		if r.Sec != c.sec || r.Nsec != 0 {
			t.Errorf("%s: %d.%09d, want %d", name, r.Sec, r.Nsec, c.sec)
		}
	}
}
