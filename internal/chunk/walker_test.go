package chunk

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"
)

// unhex reads hexadecimal digits with spaces between.
func unhex(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

type record struct {
	sec    int64
	nsec   uint32
	offset int
	body   string // in hexadecimal, without what follows
}

func walk(data []byte) (records []record, err error) {
	w := NewWalker(data)
	for {
		var r Record
		more, err := w.Next(&r)
		if !more {
			return records, err
		}
		n, err := Skip(r.Body)
		if err != nil {
			return records, err
		}
		records = append(records, record{r.Sec, r.Nsec, r.Offset, hex.EncodeToString(r.Body[:n])})
		w.Advance(n)
	}
}

func TestWalkerSuccess(t *testing.T) {
	f := func(name, data string, want ...record) {
		t.Helper()
		got, err := walk(unhex(t, data))
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
	const body = "81a16101" // {"a":1}
	const now = "6a000000 0000002a"
	at := func(sec int64, nsec uint32) record { return record{sec: sec, nsec: nsec, body: body} }
	norm := at(0x6a000000, 42)

	f("empty", "")
	f("1.9", "92 d700"+now+body, norm)
	f("5.x", "92 92 d700"+now+"80"+body, norm)
	f("4.x: array32, metadata in map32", "dd00000002 dd00000002 d700"+now+"df00000000"+body, norm)
	f("4.x, after 2038", "dd00000002 dd00000002 d700 80000000 0000002a df00000000"+body,
		at(0x80000000, 42))
	f("array16, metadata in map16", "dc0002 dc0002 d700"+now+"de0000"+body, norm)
	f("ext8", "92 c70800"+now+body, norm)
	f("ext16", "92 c8000800"+now+body, norm)
	f("ext32", "92 c90000000800"+now+body, norm)
	f("body in map16", "92 d700"+now+"de0001a16101",
		record{sec: 0x6a000000, nsec: 42, body: "de0001a16101"})
	f("body in map32", "92 d700"+now+"df00000001a16101",
		record{sec: 0x6a000000, nsec: 42, body: "df00000001a16101"})
	f("body is no map", "92 d700"+now+"c0", record{sec: 0x6a000000, nsec: 42, body: "c0"})
	f("metadata", "92 92 d700"+now+"81a16bc3"+body, record{sec: 0x6a000000, nsec: 42, body: body})
	f("two records", "92 92 d700"+now+"80"+body+"92 07 80",
		norm, record{sec: 7, offset: 17, body: "80"})

	f("fixint", "92 7f"+body, at(127, 0))
	f("uint8", "92 ccff"+body, at(255, 0))
	f("uint16", "92 cdffff"+body, at(65535, 0))
	f("uint32", "92 ce6a000000"+body, at(0x6a000000, 0))
	f("uint64", "92 cf000000006a000000"+body, at(0x6a000000, 0))
	f("uint64, beyond the year 9999", "92 cf8000000000000000"+body, at(MaxSec, 0))
	f("int8", "92 d07f"+body, at(127, 0))
	f("int16", "92 d17fff"+body, at(32767, 0))
	f("int32", "92 d26a000000"+body, at(0x6a000000, 0))
	f("int64", "92 d3000000006a000000"+body, at(0x6a000000, 0))
	f("milliseconds as seconds", "92 cf0000019abcdef012"+body, at(MaxSec, 0))
	f("before 1970", "92 d3ffffffff00000000"+body, at(0, 0))
	f("float64 1.5", "92 cb3ff8000000000000"+body, at(1, 500000000))
	f("float32 1.5", "92 ca3fc00000"+body, at(1, 500000000))
	f("NaN", "92 cb7ff8000000000001"+body, at(0, 0))
	f("+Inf", "92 cb7ff0000000000000"+body, at(MaxSec, 0))
	f("-Inf", "92 cbfff0000000000000"+body, at(0, 0))
	f("float64 MaxSec+0.5", "92 cb424d7ffa20bfc000"+body, at(MaxSec, 500000000))
	f("float64 MaxSec+1", "92 cb424d7ffa20c00000"+body, at(MaxSec, 0))
	f("1e300", "92 cb7e37e43c8800759c"+body, at(MaxSec, 0))
	f("after 2038", "92 d700 f0000000 00000000"+body, at(0xf0000000, 0))
	f("too many nanoseconds", "92 d700 6a000000 ffffffff"+body, at(0x6a000000, 999999999))

	start, end := "92 92 d700 ffffffff 00000000 81a16bc3 82a16101a162c0", "92 92 d700 fffffffe "+
		"00000000 80 80"
	f("group", start+"92 92 d700"+now+"80"+body+end,
		record{sec: 0x6a000000, nsec: 42, offset: 23, body: body})
	f("only markers", start+end)
	f("markers as integers", "92 ff 80 92 d1fffe 80")
	f("markers as floats", "92 cbbff0000000000000 80 92 cac0000000 80")
	f("no marker, since it has nanoseconds", "92 d700 ffffffff 00000001"+body, at(0xffffffff, 1))
}

func TestWalkerFailure(t *testing.T) {
	f := func(name, data string, offset int, reason string) {
		t.Helper()
		w := NewWalker(unhex(t, data))
		var r Record
		for range 2 { // and it stays so
			more, err := w.Next(&r)
			var c *CorruptError
			if more || !errors.As(err, &c) {
				t.Errorf("%s: got %v, %v, want a CorruptError", name, more, err)
				return
			}
			if c.Offset != offset || !strings.Contains(err.Error(), reason) {
				t.Errorf("%s: got %q, want byte %d and %q", name, err, offset, reason)
			}
		}
	}
	f("not an array", "80", 0, "not an array")
	f("0xc1", "c1", 0, "not an array")
	f("cut off in array32", "dd0000", 0, "not an array")
	f("empty array", "90", 0, "0 elements")
	f("one element", "91 d7006a00000000000000", 0, "1 elements")
	f("three elements", "93 01 80 80", 0, "3 elements")
	f("huge array", "ddffffffff", 0, "4294967295 elements")
	f("nothing after the array", "92", 1, "neither")
	f("time is a string", "92 a161 80", 1, "neither")
	f("time is nil", "92 c0 80", 1, "neither")
	f("ext of another type", "92 d701 6a00000000000000 80", 1, "neither")
	f("ext of another length", "92 d600 6a000000 80", 1, "neither")
	f("ext cut off", "92 d700 6a0000", 1, "neither")
	f("integer cut off", "92 ce6a00", 1, "neither")
	f("float cut off", "92 cb6a00", 1, "neither")
	f("header of one element", "92 91 01 80", 1, "1 elements")
	f("header of three elements", "92 93 01 80 80 80", 1, "3 elements")
	f("header's time is a map", "92 92 80 80 80", 2, "neither")
	f("metadata are nil", "92 92 01 c0 80", 3, "metadata")
	f("metadata cut off", "92 92 01 81a161", 6, "cut off")
	f("huge metadata", "92 92 01 dfffffffff a161", 3, "cut off")
	f("marker's body cut off", "92 ff 81a1", 2, "cut off")
	f("0xc1 within a marker's body", "92 ff 92c0c1", 4, "no msgpack")
}

func TestWalkerAdvance(t *testing.T) {
	for _, n := range []int{-1, 3, math.MaxInt, math.MinInt} {
		w := NewWalker(unhex(t, "92 01 80 90"))
		var r Record
		if more, err := w.Next(&r); !more || err != nil {
			t.Fatal(more, err)
		}
		w.Advance(n)
		if more, err := w.Next(&r); more || err == nil {
			t.Errorf("Advance(%d): got %v, %v, want an error", n, more, err)
		}
	}
}

func TestSkipSuccess(t *testing.T) {
	f := func(data string) {
		t.Helper()
		b := unhex(t, data)
		n, err := Skip(append(b, 0xc1))
		if err != nil || n != len(b) {
			t.Errorf("Skip(%s) = %d, %v, want %d", data, n, err, len(b))
		}
		for cut := range b {
			if n, err := Skip(b[:cut]); err == nil {
				t.Errorf("Skip(%x) = %d, want an error", b[:cut], n)
			}
		}
	}
	for _, data := range []string{
		"00", "7f", "e0", "ff", "c0", "c2", "c3", "80", "90", "a0", "8101c0", "9101", "a161", "920102", "9391909101c0", "92c0c40161",
		"c400", "c40161", "c5000161", "c60000000161", "c70005", "c7010561", "c800010561", "c9000000010561",
		"ca00000000", "cb0000000000000000", "cc00", "cd0000", "ce00000000", "cf0000000000000000",
		"d000", "d10000", "d200000000", "d30000000000000000",
		"d40100", "d5010000", "d60100000000", "d7010000000000000000", "d80100000000000000000000000000000000",
		"d900", "d90161", "da000161", "db0000000161", "dc0000", "dc000101", "dd00000000", "dd0000000101",
		"de0000", "de00010101", "df00000000", "df000000010101",
	} {
		f(data)
	}
}

func TestSkipFailure(t *testing.T) {
	f := func(data string, offset int) {
		t.Helper()
		_, err := Skip(unhex(t, data))
		var c *CorruptError
		if !errors.As(err, &c) || c.Offset != offset {
			t.Errorf("Skip(%s): got %v, want an error at byte %d", data, err, offset)
		}
	}
	f("", 0)
	f("c1", 0)
	f("92c0c1", 2)
	f("dfffffffff00", 0)
	f("ddffffffff00", 0)
	f("dbffffffff00", 0)
	f("c6ffffffff00", 0)
	f("c9ffffffff0000", 0)
	f("92ddffffffff00", 1)
}

// TestSkipDeep holds Skip to its promise not to recurse.
func TestSkipDeep(t *testing.T) {
	deep := append(bytes.Repeat([]byte{0x91}, 1<<22), 0xc0)
	if n, err := Skip(deep); err != nil || n != len(deep) {
		t.Errorf("got %d, %v, want %d", n, err, len(deep))
	}
}

func TestReadersAgreeWithSkip(t *testing.T) {
	b := msgp.AppendFloat32(msgp.AppendUint64(msgp.AppendInt(nil, -70000), math.MaxUint64), 1.5)
	negative, v, b, ok := ReadInteger(b)
	if !ok || !negative || int64(v) != -70000 {
		t.Errorf("got %v %d %v", negative, v, ok)
	}
	negative, v, b, ok = ReadInteger(b)
	if !ok || negative || v != math.MaxUint64 {
		t.Errorf("got %v %d %v", negative, v, ok)
	}
	x, bits, b, ok := ReadFloat(b)
	if !ok || x != 1.5 || bits != 32 || len(b) != 0 {
		t.Errorf("got %v %d %v, rest %x", x, bits, ok, b)
	}
}

func FuzzWalker(f *testing.F) {
	for _, s := range []string{
		"92d7006a0000000000002a81a16101",
		"9292d7006a0000000000002a8081a16101",
		"dd00000002dd00000002d7006a0000000000002adf00000000df00000001a16101",
		"9292d700ffffffff000000008180809292d700fffffffe000000008080",
		"92cb3ff800000000000080",
	} {
		f.Add(unhex(f, s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		w := NewWalker(data)
		last := -1
		for {
			var r Record
			more, err := w.Next(&r)
			var c *CorruptError
			if errors.As(err, &c) && (c.Offset < 0 || c.Offset > len(data)) {
				t.Fatalf("offset %d lies outside the chunk of %d bytes", c.Offset, len(data))
			}
			if !more {
				return
			}
			if r.Offset <= last || r.Sec < 0 || r.Sec > MaxSec || r.Nsec > 999999999 {
				t.Fatalf("record %+v after one at %d", r, last)
			}
			last = r.Offset
			n, err := Skip(r.Body)
			if err != nil {
				return
			}
			if rest, err := msgp.Skip(r.Body[:n]); err != nil || len(rest) != 0 {
				t.Fatalf("Skip takes %x for a value, msgp leaves %x: %v", r.Body[:n], rest, err)
			}
			// A reader takes the value if and only if it is of its kind, and to the same end.
			b := r.Body
			if _, rest, ok := ReadString(b); ok && len(rest) != len(b)-n {
				t.Fatalf("ReadString leaves %d bytes of %x, Skip %d", len(rest), b, len(b)-n)
			}
			if _, _, rest, ok := ReadExt(b); ok && len(rest) != len(b)-n {
				t.Fatalf("ReadExt leaves %d bytes of %x, Skip %d", len(rest), b, len(b)-n)
			}
			if _, _, rest, ok := ReadInteger(b); ok && len(rest) != len(b)-n {
				t.Fatalf("ReadInteger leaves %d bytes of %x, Skip %d", len(rest), b, len(b)-n)
			}
			w.Advance(n)
		}
	})
}

func TestWalkerAllocatesNothing(t *testing.T) {
	data := bytes.Repeat(unhex(t, "9292d7006a0000000000002a8081a16101"), 100)
	if n := testing.AllocsPerRun(10, func() {
		w := NewWalker(data)
		var r Record
		for more, _ := w.Next(&r); more; more, _ = w.Next(&r) {
			size, _ := Skip(r.Body)
			w.Advance(size)
		}
	}); n != 0 {
		t.Errorf("%v allocations for a chunk, want none", n)
	}
}

func BenchmarkWalker(b *testing.B) {
	const records = 1000
	data := bytes.Repeat(unhex(b, "9292d7006a0000000000002a8081a16101"), records)
	for b.Loop() {
		w := NewWalker(data)
		var r Record
		for more, _ := w.Next(&r); more; more, _ = w.Next(&r) {
			w.Advance(4)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*records), "ns/record")
}

// TestWalkerRealChunks reads chunks as three versions of Fluent Bit wrote them,
// which are the fuzz target's seeds: two records of the dummy input each.
func TestWalkerRealChunks(t *testing.T) {
	for _, version := range []string{"1.9", "4.2", "5.1"} {
		seed, err := os.ReadFile("testdata/fuzz/FuzzWalker/fluent-bit-" + version)
		if err != nil {
			t.Fatal(err)
		}
		_, literal, _ := strings.Cut(strings.TrimSpace(string(seed)), "[]byte(")
		data, err := strconv.Unquote(strings.TrimSuffix(literal, ")"))
		if err != nil {
			t.Fatal(err)
		}
		got, err := walk([]byte(data))
		if err != nil || len(got) != 2 {
			t.Fatalf("%s: %d records, %v, want 2", version, len(got), err)
		}
		for _, r := range got {
			if r.sec < 1795000000 || r.nsec == 0 || !strings.HasPrefix(r.body, "85a36c6f67") {
				t.Errorf("%s: got %+v", version, r)
			}
		}
	}
}
