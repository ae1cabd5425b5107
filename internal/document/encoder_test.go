package document

import (
	"bytes"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tinylib/msgp/msgp"

	"out_opensearch_irsa/internal/chunk"
)

// object makes a map of keys and values, each msgpack already.
func object(pairs ...[]byte) []byte {
	return append(msgp.AppendMapHeader(nil, uint32(len(pairs)/2)), bytes.Join(pairs, nil)...)
}

func str(s string) []byte  { return msgp.AppendString(nil, s) }
func num(v int64) []byte   { return msgp.AppendInt64(nil, v) }
func flt(v float64) []byte { return msgp.AppendFloat64(nil, v) }
func raw(s string) []byte  { return []byte(s) }
func list(v ...[]byte) []byte {
	return append(msgp.AppendArrayHeader(nil, uint32(len(v))), bytes.Join(v, nil)...)
}

func TestAppendSuccess(t *testing.T) {
	f := func(value []byte, want string) {
		t.Helper()
		body := object(str("v"), value)
		e := newEncoder(t, Options{})
		for range 4 { // cold, and warm
			out, n, err := e.Append([]byte("before "), 1, 2, append(body, 0xc1))
			if err != nil || n != len(body) {
				t.Fatalf("%x: got %d, %v, want %d bytes", body, n, err, len(body))
			}
			if want := `before {"v":` + want + `}`; string(out) != want {
				t.Errorf("%x: got %s, want %s", body, out, want)
			}
		}
	}
	f(raw("\xc0"), `null`)
	f(raw("\xc2"), `false`)
	f(raw("\xc3"), `true`)
	f(num(0), `0`)
	f(num(-1), `-1`)
	f(num(math.MinInt64), `-9223372036854775808`)
	f(msgp.AppendUint64(nil, math.MaxUint64), `18446744073709551615`)
	f(raw("\xd3\x00\x00\x00\x00\x00\x00\x00\x05"), `5`)
	f(flt(0), `0.0`)
	f(flt(math.Copysign(0, -1)), `-0.0`)
	f(flt(3), `3.0`)
	f(flt(1e15), `1000000000000000.0`)
	f(flt(812.3948571), `812.3948571`)
	f(flt(0.1), `0.1`)
	f(flt(1e300), `1e+300`)
	f(flt(1e-300), `1e-300`)
	f(flt(5e-324), `5e-324`)
	f(flt(math.MaxFloat64), `1.7976931348623157e+308`)
	f(msgp.AppendFloat32(nil, 0.1), `0.1`)
	f(msgp.AppendFloat32(nil, math.MaxFloat32), `3.4028235e+38`)
	f(flt(math.NaN()), `null`)
	f(flt(math.Inf(1)), `null`)
	f(msgp.AppendFloat32(nil, float32(math.Inf(-1))), `null`)
	f(str(""), `""`)
	f(str("주문 한글 😀 é"), `"주문 한글 😀 é"`)
	f(str("a\"b\\c/d\b\f\n\r\t\x00\x1f\x7f"), `"a\"b\\c/d\b\f\n\r\t\u0000\u001f`+"\x7f"+`"`)
	f(str("\xff"), "\"\ufffd\"")
	f(str("a\xe4\xb8"), "\"a\ufffd\ufffd\"")
	f(msgp.AppendBytes(nil, []byte("bin \xc3\x28")), "\"bin \ufffd(\"")
	f(object(), `{}`)
	f(list(), `[]`)
	f(list(num(1), list(str("x")), object(str("k"), raw("\xc0"))), `[1,["x"],{"k":null}]`)
	f(raw("\xd4\x05\xab"), `"ab"`)
	f(raw("\xc7\x00\x05"), `""`)
	f(raw("\xc7\x03\x05\x01\x02\xff"), `"0102ff"`)
	f(raw("\xd7\x00\x6a\x00\x00\x00\x00\x00\x00\x2a"), `"2026-05-10T03:48:16.000000042Z"`)
	f(raw("\xd6\xff\x6a\x00\x00\x00"), `"2026-05-10T03:48:16.000000000Z"`)
	f(raw("\xd7\xff\x00\x00\x00\xa8\x6a\x00\x00\x00"), `"2026-05-10T03:48:16.000000042Z"`)
	f(raw("\xc7\x0c\xff\x00\x00\x00\x2a\x00\x00\x00\x00\x6a\x00\x00\x00"),
		`"2026-05-10T03:48:16.000000042Z"`)
	f(raw("\xd7\x00\x6a\x00\x00\x00\xff\xff\xff\xff"), `"6a000000ffffffff"`)

	f(object(num(1), num(2), num(-1), num(3)), `{"1":2,"-1":3}`)
	f(object(raw("\xc0"), num(1), raw("\xc2"), num(2), raw("\xc3"), num(3)),
		`{"null":1,"false":2,"true":3}`)
	f(object(flt(1.5), num(1), flt(math.NaN()), num(2)), `{"1.5":1,"null":2}`)
	f(object(msgp.AppendBytes(nil, []byte("b")), num(1)), `{"b":1}`)
	f(object(raw("\xd4\x05\xab"), num(1)), `{"ab":1}`)
	f(object(list(num(1), str("x")), num(1)), `{"[1,\"x\"]":1}`)
	f(object(object(str("k"), num(1)), num(1)), `{"{\"k\":1}":1}`)
	f(object(str(""), num(1)), `{"":1}`)

	f(object(str("a"), num(1), str("b"), num(2), str("a"), num(3)), `{"b":2,"a":3}`)
	f(object(str("a"), num(1), str("a"), object(str("x"), num(1)), str("a"), num(3)), `{"a":3}`)
	f(object(str("1"), num(1), num(1), num(2)), `{"1":2}`)
	f(object(str("\xff"), num(1), str("\xfe"), num(2)), "{\"\ufffd\":2}")
}

func TestAppendHead(t *testing.T) {
	f := func(o Options, body []byte, want string) {
		t.Helper()
		e := newEncoder(t, o)
		e.SetTag(`kube."x"`)
		for range 4 {
			out, n, err := e.Append(nil, 1795432034, 7089123, body)
			if err != nil || n != len(body) || string(out) != want {
				t.Errorf("%+v: got %s, %d, %v, want %s", o, out, n, err, want)
			}
		}
	}
	a := object(str("a.b"), num(1))
	empty := object()
	f(Options{}, empty, `{}`)
	f(Options{TimeKey: "@timestamp"}, empty, `{"@timestamp":"2026-11-23T11:07:14.007Z"}`)
	f(Options{TimeKey: "@timestamp"}, a, `{"@timestamp":"2026-11-23T11:07:14.007Z","a.b":1}`)
	f(Options{TimeKey: "t", TimeNanos: true}, a, `{"t":"2026-11-23T11:07:14.007089123Z","a.b":1}`)
	f(Options{TimeKey: "t", TimeFormat: `%d/%b/%y "%H"`}, a,
		`{"t":"23/Nov/26 \"11\".007Z","a.b":1}`)
	f(Options{TagKey: "_flb-key"}, empty, `{"_flb-key":"kube.\"x\""}`)
	f(Options{TagKey: "_flb-key"}, a, `{"_flb-key":"kube.\"x\"","a.b":1}`)
	f(Options{TimeKey: `"t"`, TagKey: "tag"}, a,
		`{"\"t\"":"2026-11-23T11:07:14.007Z","tag":"kube.\"x\"","a.b":1}`)
	f(Options{ReplaceDots: true}, object(str("a.b"),
		object(str("c.d."), list(object(str("."), str("x.y"))))), `{"a_b":{"c_d_":[{"_":"x.y"}]}}`)
	f(Options{ReplaceDots: true}, object(str("a.b"), num(1), str("a_b"), num(2)), `{"a_b":2}`)
	f(Options{ReplaceDots: true}, object(flt(1.5), num(1)), `{"1_5":1}`)
	f(Options{Dedot: []string{"k.labels"}},
		object(str("a.b"), num(1), str("k"),
			object(str("c.d"), num(2), str("labels"),
				object(str("e.f"), object(str("g.h"), num(3))))),
		`{"a.b":1,"k":{"c.d":2,"labels":{"e_f":{"g_h":3}}}}`)

	// the record's own fields win
	f(Options{TimeKey: "t"}, object(str("t"), num(1)), `{"t":1}`)
	f(Options{TimeKey: "t", TagKey: "tag"}, object(str("t"), num(1), str("a"), num(2)),
		`{"tag":"kube.\"x\"","t":1,"a":2}`)
	f(Options{TimeKey: "t", TagKey: "tag"}, object(str("a"), num(2), str("tag"), num(1)),
		`{"t":"2026-11-23T11:07:14.007Z","a":2,"tag":1}`)
	f(Options{TimeKey: "t", TagKey: "tag"},
		object(str("a"), num(2), str("tag"), num(1), str("t"), num(0)), `{"a":2,"tag":1,"t":0}`)
}

// TestTimeOutOfRange has times that no walker gives: they are brought to 1970, as by the reference,
// and leave the next ones right.
func TestTimeOutOfRange(t *testing.T) {
	for _, format := range []string{"", "%Y-%m-%dT%H:%M:%S", "%s", "%d.%m.%y %H"} {
		e := newEncoder(t, Options{TimeKey: "t", TimeFormat: format})
		for i, sec := range []int64{-1, 1_700_000_000, -5, -5, 0, -1 << 40, 59, -1, 1_700_000_001} {
			if i == 3 {
				e.SetTag("another") // which composes the fields anew
			}
			got, _, err := e.Append(nil, sec, 123456789, object())
			if err != nil {
				t.Fatal(err)
			}
			if want, _, _ := e.AppendReference(nil, sec, 123456789, object()); !bytes.Equal(got, want) {
				t.Errorf("format %q, second %d: got %s, want %s", format, sec, got, want)
			}
		}
	}
}

func TestNewEncoderFailure(t *testing.T) {
	f := func(o Options, want string) {
		t.Helper()
		if _, err := NewEncoder(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got %v, want %q", o, err, want)
		}
	}
	f(Options{TimeKey: "t", TimeFormat: "%Q"}, "%Q")
	f(Options{TimeKey: "t", TimeFormat: "%"}, "%%")
	f(Options{TimeKey: "t", TagKey: "t"}, "both")
	f(Options{TimeKey: "\xff", TagKey: "\ufffd"}, "both")
	f(Options{Dedot: []string{"a..b"}}, "a..b")
	f(Options{Dedot: []string{""}}, "empty")
}

func TestAppendFailure(t *testing.T) {
	e := newEncoder(t, Options{TimeKey: "t"})
	corrupt := func(body string, offset int) {
		t.Helper()
		out, _, err := e.Append([]byte("before"), 0, 0, []byte(body))
		var c *chunk.CorruptError
		if !errors.As(err, &c) || c.Offset != offset || string(out) != "before" {
			t.Errorf("%x: got %q, %v, want an error at byte %d", body, out, err, offset)
		}
	}
	reject := func(body []byte, kind string) {
		t.Helper()
		out, n, err := e.Append([]byte("before"), 0, 0, append(body, 0xc1))
		var r *RejectError
		if !errors.As(err, &r) || r.Type != kind || n != len(body) || string(out) != "before" {
			t.Errorf("%.20x: got %q, %d, %v, want %s", body, out, n, err, kind)
		}
	}
	corrupt("", 0)
	corrupt("\xc1", 0)
	corrupt("\x81", 0)
	corrupt("\x81\xa1a", 3)
	corrupt("\x81\xa1a\xc1", 3)
	corrupt("\x81\xc1\xc0", 1)
	corrupt("\x82\xa1a\xc0\xa5b", 4)
	corrupt("\x81\xa1a\x91\xdb\xff\xff\xff\xff", 4)
	corrupt("\xdf\xff\xff\xff\xff\xa1a\xc0", 0)
	corrupt("\x81\xa1a\xdd\xff\xff\xff\xff", 3)
	corrupt("\x81\x81\xa1a", 1)

	reject(raw("\xc0"), "body_not_a_map")
	reject(list(object()), "body_not_a_map")
	reject(str("text"), "body_not_a_map")
	nest := func(open byte, levels int) []byte {
		b := bytes.Repeat([]byte{open}, levels)
		if open == 0x81 {
			b = bytes.Repeat([]byte{open, 0xa1, 'k'}, levels)
		}
		return object(str("v"), append(b, 0xc0))
	}
	reject(nest(0x91, maxDepth), "nesting_too_deep")
	reject(nest(0x81, maxDepth), "nesting_too_deep")
	reject(nest(0x91, 1<<20), "nesting_too_deep")
	reject(object(append(bytes.Repeat([]byte{0x91}, 1<<20), 0xc0), num(1)), "nesting_too_deep")
	reject(object(object(object(num(1), num(1)), num(1)), num(1)), "nesting_too_deep")
	for _, open := range []byte{0x81, 0x91} {
		body := nest(open, maxDepth-1)
		if out, n, err := e.Append(nil, 0, 0, body); err != nil || n != len(body) ||
			!json.Valid(out) {
			t.Errorf("at the limit of levels: got %d, %v", n, err)
		}
	}
}

// TestManyKeys goes past the size from which duplicates are found by sorting.
func TestManyKeys(t *testing.T) {
	for _, names := range []int{manyKeys - 1, manyKeys, manyKeys + 1, 5000} {
		var pairs [][]byte
		for i := range 3 * names {
			pairs = append(pairs, num(int64(i*7919%names)), num(int64(i)))
		}
		body := object(str("m"), object(pairs...))
		o := Options{TimeKey: "t"}
		out, n, err := newEncoder(t, o).Append(nil, 5, 6, body)
		if err != nil || n != len(body) {
			t.Fatal(n, err)
		}
		check(t, o, out, body, 5, 6, "")
	}
}

// TestText compares strings of every byte, at every alignment, with encoding/json.
func TestText(t *testing.T) {
	f := func(s string) {
		t.Helper()
		got := append(appendText([]byte{'"'}, []byte(s), 0, len(s)), '"')
		var back string
		if err := json.Unmarshal(got, &back); err != nil || !utf8.Valid(got) {
			t.Fatalf("%q: %v in %q", s, err, got)
		}
		if back != repair([]byte(s)) {
			t.Fatalf("%q: got %q", s, back)
		}
	}
	for c := range 256 {
		for at := range 18 {
			for _, fill := range []string{"a", "é", "주", "😀"} {
				f(strings.Repeat(fill, at) + string([]byte{byte(c)}) + strings.Repeat(fill, 17-at))
			}
			f(strings.Repeat(string([]byte{byte(c)}), at))
		}
		for d := range 256 {
			f(string([]byte{byte(c), byte(d)}))
			f(string([]byte{0xe0 | byte(c)&0xf, byte(d), 0x80}))
			f(string([]byte{0xf0 | byte(c)&0xf, byte(d), 0x80, 0xbf}))
			f(string([]byte{'x', byte(c), byte(d), 0xbf, '"', 'y'}))
		}
	}
	for n := maxPiece - 4; n < maxPiece+4; n++ {
		f(strings.Repeat("a", n) + "주\"\xe4")
		f(strings.Repeat("\x01", n) + "😀\xff")
	}
	f(strings.Repeat("\xff", 5*maxPiece+1))
}

// TestCorpus compares whole chunks with the model, in every set of options.
func TestCorpus(t *testing.T) {
	for _, o := range []Options{
		{},
		{TimeKey: "@timestamp"},
		{TimeKey: "time", TagKey: "stream"},
		{TimeKey: "@timestamp", TimeNanos: true, TagKey: "_flb-key", ReplaceDots: true},
		{TagKey: "tag", Dedot: []string{"kubernetes.labels", "kubernetes.annotations"}},
	} {
		for _, data := range [][]byte{criChunk(300), k8sChunk(300, false), k8sChunk(300, true),
			mixedChunk(1500)} {
			e := newEncoder(t, o)
			e.SetTag("kube.x")
			w := chunk.NewWalker(data)
			var r chunk.Record
			for more, err := w.Next(&r); more; more, err = w.Next(&r) {
				if err != nil {
					t.Fatal(err)
				}
				out, n, err := e.Append(nil, r.Sec, r.Nsec, r.Body)
				if err != nil {
					t.Fatal(err)
				}
				check(t, o, out, r.Body[:n], r.Sec, r.Nsec, "kube.x")
				w.Advance(n)
			}
		}
	}
}

func TestAppendAllocatesNothing(t *testing.T) {
	for name, data := range map[string][]byte{"cri": criChunk(500), "k8s": k8sChunk(500, false),
		"k8s one pod": k8sChunk(500, true), "mixed": mixedChunk(500)} {
		e := newEncoder(t, Options{TimeKey: "@timestamp", TagKey: "tag"})
		tags := []string{"kube.a", "kube.b"}
		var dst []byte
		run := func() {
			for _, tag := range tags {
				e.SetTag(tag)
				dst, _ = encodeChunk(t, e, dst[:0], data)
			}
		}
		for range 20 {
			run()
		}
		if n := testing.AllocsPerRun(5, run); n != 0 {
			t.Errorf("%s: %v allocations for a chunk, want none", name, n)
		}
	}
}

// FuzzAppend encodes two bodies in turns by an encoder that remembers the other
// one, and compares with an encoder that remembers nothing, and with the model.
func FuzzAppend(f *testing.F) {
	f.Add(object(str("log"), str("a\n"), str("n"), num(5)),
		object(str("log"), str("b\xff"), str("n"), flt(5)), byte(1))
	f.Add(object(str("a"), num(1), str("a"), num(2)),
		object(str("@timestamp"), num(1), str("a"), num(2)), byte(3))
	f.Add(object(str("k"), object(str("l"), object(str("x.y"), num(1)))),
		object(str("k"), object(str("l"), object(str("x.y"), list(num(1))))), byte(8))
	f.Add(object(num(1), raw("\xd4\x05\xab")),
		object(flt(1), raw("\xd7\x00\x00\x00\x00\x00\x00\x00\x00\x00")), byte(7))
	f.Add(object(object(), num(1)), list(), byte(0))
	f.Fuzz(func(t *testing.T, a, b []byte, bits byte) {
		var o Options
		if bits&1 != 0 {
			o.TimeKey, o.TimeNanos = "@timestamp", bits&16 != 0
		}
		if bits&2 != 0 {
			o.TagKey = "tag"
		}
		o.ReplaceDots = bits&4 != 0
		if bits&8 != 0 {
			o.Dedot = []string{"k.l"}
		}
		e := newEncoder(t, o)
		e.SetTag("x")
		for turn, body := range [][]byte{a, b, a, a, b, b, a} {
			if turn == 4 && bits&32 != 0 {
				e.SetTag("y")
			}
			sec, nsec := int64(turn), uint32(turn*1000)
			out, n, err := e.Append(nil, sec, nsec, body)
			size, skipErr := chunk.Skip(body)
			var c *chunk.CorruptError
			var r *RejectError
			switch {
			case errors.As(err, &c):
				if skipErr == nil {
					t.Fatalf("%x: %v, but Skip takes %d bytes", body, err, size)
				}
				continue
			case skipErr != nil || n != size:
				t.Fatalf("%x: got %d, %v, but Skip %d, %v", body, n, err, size, skipErr)
			case errors.As(err, &r):
				continue
			case err != nil:
				t.Fatal(err)
			}
			if !utf8.Valid(out) || !json.Valid(out) {
				t.Fatalf("%x: invalid %q", body, out)
			}
			check(t, o, out, body[:n], sec, nsec, e.added.tag)
			cold := newEncoder(t, o)
			cold.SetTag(e.added.tag)
			if again, _, _ := cold.Append(nil, sec, nsec, body); !bytes.Equal(again, out) {
				t.Fatalf("%x: warm %s\ncold %s", body, out, again)
			}
		}
	})
}
