package bulk

import (
	"bytes"
	stdgzip "compress/gzip"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
)

func add(b *Batch, index, doc string, id string) {
	b.Begin([]byte(index), nil, len(b.Items)*10)
	b.Buf = append(b.Buf, doc...)
	var raw [IDSize]byte
	copy(raw[:], id)
	b.End(&raw)
}

func TestBatchNamesOnlyOtherIndices(t *testing.T) {
	b := NewBatch("create", true)
	id := func(c string) string { return strings.Repeat(c, IDSize) }
	add(b, "eks-log", `{"a":1}`, id("a"))
	add(b, "eks-log", `{"a":2}`, id("b"))
	add(b, "other", `{"a":3}`, id("c"))
	want := `{"create":{"_id":"` + id("a") + `"}}` + "\n" + `{"a":1}` + "\n" +
		`{"create":{"_id":"` + id("b") + `"}}` + "\n" + `{"a":2}` + "\n" +
		`{"create":{"_index":"other","_id":"` + id("c") + `"}}` + "\n" + `{"a":3}` + "\n"
	if string(b.Buf) != want {
		t.Fatalf("got  %s\nwant %s", b.Buf, want)
	}
	if b.Path(0) != "eks-log" || b.ID(2) != id("c") || string(b.Document(1)) != `{"a":2}` {
		t.Fatalf("%q %q %q", b.Path(0), b.ID(2), b.Document(1))
	}
	for line := range strings.Lines(string(b.Buf)) {
		if !json.Valid([]byte(line)) {
			t.Fatalf("not JSON: %s", line)
		}
	}
}

func TestBatchWithoutIDs(t *testing.T) {
	b := NewBatch("index", false)
	add(b, "x", `{}`, "")
	add(b, "y", `{}`, "")
	if want := "{\"index\":{}}\n{}\n{\"index\":{\"_index\":\"y\"}}\n{}\n"; string(b.Buf) != want {
		t.Fatalf("got %s", b.Buf)
	}
	if b.ID(0) != "" {
		t.Fatalf("id %q", b.ID(0))
	}
}

func TestBatchDropIDs(t *testing.T) {
	own := []byte(`"a\"_id\":\\"`) // an id with quotes, and a backslash at its end
	build := func(b *Batch) {
		for _, c := range []struct {
			index string
			m     *Meta
		}{{"x", nil}, {"y", nil}, {"x", &Meta{ID: own}}, {"y",
			&Meta{ID: own, Routing: []byte(`"r"`),
				Pipeline: []byte(`"p"`)}}, {"x", &Meta{Routing: []byte(`"r"`)}}} {
			b.Begin([]byte(c.index), c.m, 0)
			b.Buf = append(b.Buf, `{"_id":"kept"}`...)
			b.End(&[IDSize]byte{'i'})
		}
	}
	before, after := NewBatch("create", true), NewBatch("create", true)
	build(before)
	before.DropIDs()
	before.DropIDs()
	after.DropIDs()
	build(after)
	all := []int32{0, 1, 2, 3, 4}
	got, _ := before.Body(all, nil)
	want, _ := after.Body(all, nil)
	if string(got) != string(want) {
		t.Fatalf("dropped afterwards %q\ndropped before %q", got, want)
	}
	doc := `{"_id":"kept"}` + "\n"
	if text := `{"create":{}}` + "\n" + doc + `{"create":{"_index":"y"}}` + "\n" + doc +
		`{"create":{}}` + "\n" + doc +
		`{"create":{"_index":"y","routing":"r","pipeline":"p"}}` + "\n" + doc +
		`{"create":{"routing":"r"}}` + "\n" + doc; string(want) != text {
		t.Fatalf("got  %s\nwant %s", want, text)
	}
	if before.ID(2) != "" || string(before.Document(2)) != `{"_id":"kept"}` || after.NeedsID() {
		t.Fatalf("id %q of document %s", before.ID(2), before.Document(2))
	}
}

func TestBatchOperations(t *testing.T) {
	f := func(operation string, ids bool, m *Meta, want, id string) {
		t.Helper()
		b := NewBatch(operation, ids)
		b.Begin([]byte("x"), m, 0)
		b.Buf = append(b.Buf, `{"a":1}`...)
		if b.NeedsID() != (ids && (m == nil || m.ID == nil)) {
			t.Fatal("NeedsID is wrong")
		}
		var raw [IDSize]byte
		copy(raw[:], strings.Repeat("i", IDSize))
		b.End(&raw)
		if string(b.Buf) != want || string(b.Document(0)) != `{"a":1}` || b.ID(0) != id {
			t.Fatalf("got  %q, document %s, id %q\nwant %q, id %q", b.Buf, b.Document(0), b.ID(0),
				want, id)
		}
	}
	ours := strings.Repeat("i", IDSize)
	f("update", false, &Meta{ID: []byte(`"k\"1"`)},
		`{"update":{"_id":"k\"1"}}`+"\n"+`{"doc":{"a":1}}`+"\n", `k"1`)
	f("upsert", true, nil, `{"update":{"_id":"`+ours+`"}}`+"\n"+`{"doc":{"a":1},"doc_as_upsert":true}`+"\n", ours)
	f("create", true, &Meta{ID: []byte(`"own"`), Routing: []byte(`"r"`), Pipeline: []byte(`"p"`)},
		`{"create":{"_id":"own","routing":"r","pipeline":"p"}}`+"\n"+`{"a":1}`+"\n", "own")
	f("index", true, &Meta{Routing: []byte(`"r"`)},
		`{"index":{"routing":"r","_id":"`+ours+`"}}`+"\n"+`{"a":1}`+"\n", ours)
	f("index", false, &Meta{}, `{"index":{}}`+"\n"+`{"a":1}`+"\n", "")
}

func TestBatchAbandonLeavesNoBytes(t *testing.T) {
	b := NewBatch("create", true)
	add(b, "x", `{"a":1}`, strings.Repeat("a", IDSize))
	before := len(b.Buf)
	b.Begin([]byte("x"), nil, 7)
	b.Buf = append(b.Buf, `{"half`...)
	b.Abandon()
	if len(b.Buf) != before || len(b.Items) != 2 || b.Document(1) != nil || b.ID(1) != "" ||
		b.Items[1].Record != 7 {
		t.Fatalf("%d bytes, items %+v", len(b.Buf), b.Items)
	}
}

func TestBatchCutAndBody(t *testing.T) {
	b := NewBatch("index", false)
	for i := range 6 {
		add(b, "x", fmt.Sprintf(`{"n":%d}`, i), "")
	}
	one := int(b.Items[0].End - b.Items[0].Start)
	all := []int32{0, 1, 2, 3, 4, 5}
	for _, c := range []struct{ limit, count, want int }{{one * 6, 100, 6}, {one*6 - 1, 100, 5},
		{one, 100, 1}, {1, 100, 1}, {one * 6, 2, 2}} {
		if got := b.Cut(all, c.limit, c.count); got != c.want {
			t.Fatalf("limit %d, count %d: cut after %d, want %d", c.limit, c.count, got, c.want)
		}
	}
	body, scratch := b.Body(all[1:3], nil)
	if &body[0] != &b.Buf[one] || scratch != nil {
		t.Fatal("items side by side were copied")
	}
	body, _ = b.Body([]int32{0, 2, 5}, nil)
	if got := strings.Count(string(body), "\n"); got != 6 ||
		!strings.Contains(string(body), `{"n":2}`) || strings.Contains(string(body), `{"n":1}`) {
		t.Fatalf("subset body: %s", body)
	}
	b.Reset(1 << 20)
	if len(b.Items) != 0 || b.Path(0) != "" {
		t.Fatal("Reset left something")
	}
}

func makeIDs(tag string, chunk uint64, records ...record) []string {
	ids, _ := makeIDsOf(tag, chunk, records...)
	return ids
}

func makeIDsOf(tag string, chunk uint64, records ...record) (ids []string, coarse bool) {
	var d IDs
	d.Start(tag, chunk)
	for i, r := range records {
		var id [IDSize]byte
		d.Next(&id, int32(i), r.sec, r.nsec, []byte(r.body), strings.HasPrefix(r.body, "offset"))
		ids = append(ids, string(id[:]))
	}
	return ids, d.End(func(i int32, id *[IDSize]byte) { ids[i] = string(id[:]) })
}

type record struct {
	sec  int64
	nsec uint32
	body string
}

// TestIDsGolden holds the ids of a version that is out there: a plugin that makes others stores a
// chunk twice which was on disk during the upgrade.
func TestIDsGolden(t *testing.T) {
	got := makeIDs("kube.var.log.containers.a.log", 42,
		record{1795444272, 123456789, "\x81\xa3log\xa5hello"},
		record{1795444272, 123456789, "\x81\xa3log\xa5hello"},
		record{1795444272, 0, "\x81\xa3log\xa5hello"}, record{0, 1, ""})
	want := []string{"AaII0Wv7WbKAq98TksuA", "AaII0Wv7pcgssEVMrekM", "AaII0WuA5yDlYc_8VffJ",
		"AAAAAAAAk9ypG0hF2xqN"}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Fatalf("got  %q\nwant %q", got, want)
	}
}

func TestIDsCarryTheTimeInOrder(t *testing.T) {
	ids := makeIDs("t", 1, record{1795444272, 1, "x"}, record{1795444272, 2e6, "x"},
		record{1795444273, 0, "x"})
	for i, id := range ids {
		raw, err := base64.RawURLEncoding.DecodeString(id)
		if err != nil || len(raw) != 15 {
			t.Fatalf("%q: %v", id, err)
		}
		ms := binary.BigEndian.Uint64(append([]byte{0, 0}, raw[:6]...))
		if want := []uint64{1795444272000, 1795444272002, 1795444273000}[i]; ms != want {
			t.Fatalf("%q carries %d ms, want %d", id, ms, want)
		}
	}
}

func TestIDsTellEqualRecordsApart(t *testing.T) {
	fine, coarse := record{5, 1234567, "x"}, record{5, 7e6, "x"}
	f := func(name string, same bool, a, b string) {
		t.Helper()
		if (a == b) != same {
			t.Fatalf("%s: %s and %s", name, a, b)
		}
	}
	a := makeIDs("t", 1, fine, fine, coarse, coarse)
	f("a second equal fine record is another", false, a[0], a[1])
	f("a second equal coarse record is another", false, a[2], a[3])
	b := makeIDs("t", 2, coarse, fine, coarse, fine, coarse)
	f("fine record read again in another chunk", true, a[0], b[1])
	f("second fine record read again", true, a[1], b[3])
	f("coarse record in another chunk is another", false, a[2], b[0])
	again := makeIDs("t", 1, fine, fine, coarse, coarse)
	for i := range a {
		f("the same chunk again", true, a[i], again[i])
	}
	f("another tag", false, a[0], makeIDs("u", 1, fine)[0])
	f("another time in the same millisecond", false, a[0],
		makeIDs("t", 1, record{5, 1234568, "x"})[0])
	f("another body", false, a[0], makeIDs("t", 1, record{5, 1234567, "y"})[0])
}

// TestIDsOfTimesThatLookCoarse is about a fine time that ends in six zeros by chance: read again in
// another chunk, the record has to get the same id.
func TestIDsOfTimesThatLookCoarse(t *testing.T) {
	fine := func(n int) (r []record) {
		for i := range n {
			r = append(r, record{5, uint32(1_000_001 + i), "line"})
		}
		return r
	}
	ms, s := record{6, 593e6, "odd"}, record{6, 0, "odd"}
	f := func(name string, same bool, last []record, before, again int) {
		t.Helper()
		a, _ := makeIDsOf("t", 1, append(fine(before), last...)...)
		b, coarse := makeIDsOf("t", 2, append(fine(again), last...)...)
		for i := range last {
			if x, y := a[before+i], b[again+i]; (x == y) != same || coarse == same {
				t.Fatalf("%s: %s and %s, coarse %v", name, x, y, coarse)
			}
			if i > 0 && a[before+i] == a[before+i-1] {
				t.Fatalf("%s: equal records share an id", name)
			}
		}
	}
	f("the only whole millisecond of its chunk", true, []record{ms}, 0, 0)
	f("the only one, among finer ones", true, []record{ms}, 7, 0)
	f("two among as many finer ones", true, []record{ms, ms}, 2, 200)
	f("two among fewer finer ones", false, []record{ms, ms}, 1, 1)
	f("two without finer ones", false, []record{ms, ms}, 0, 0)
	f("a whole second is coarse anyway", false, []record{s}, 200, 200)
}

// A record that holds its place in its file needs no fine time.
func TestIDsOfExactRecords(t *testing.T) {
	exact := func(n int) record { return record{5, 0, fmt.Sprint("offset", n)} }
	a, coarse := makeIDsOf("t", 1, exact(0), exact(10), exact(20))
	b, _ := makeIDsOf("t", 2, record{5, 0, "x"}, exact(10), exact(20))
	if coarse || a[1] != b[1] || a[2] != b[2] || a[0] == a[1] || a[1] == a[2] {
		t.Fatalf("coarse %v\n%q\n%q", coarse, a, b)
	}
}

func TestSetIDReplacesOurs(t *testing.T) {
	for _, operation := range []string{"create", "upsert"} {
		b := NewBatch(operation, true)
		add(b, "x", `{"a":1}`, strings.Repeat("a", IDSize))
		add(b, "y", `{"a":2}`, strings.Repeat("a", IDSize))
		id := [IDSize]byte([]byte(strings.Repeat("b", IDSize)))
		b.SetID(1, &id)
		if b.ID(0) != strings.Repeat("a", IDSize) || b.ID(1) != string(id[:]) ||
			string(b.Document(1)) != `{"a":2}` {
			t.Fatalf("%s", b.Buf)
		}
	}
}

func TestIDsStayDistinctInALargeChunk(t *testing.T) {
	var d IDs
	seen := map[[IDSize]byte]bool{}
	for range 2 {
		d.Start("t", 9)
		clear(seen)
		for i := range 50_000 {
			var id [IDSize]byte
			d.Next(&id, int32(i), 1, uint32(1+i%100), []byte{byte(i), byte(i >> 12)}, false)
			if seen[id] {
				t.Fatalf("record %d has an id that was given before", i)
			}
			seen[id] = true
		}
	}
}

func TestCompressorRoundTripAndReuse(t *testing.T) {
	var c Compressor
	var buf []byte
	for _, want := range []string{"", strings.Repeat("log line ", 10_000), "x"} {
		buf = c.Compress(buf[:0], []byte(want))
		r, err := stdgzip.NewReader(bytes.NewReader(buf))
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(r)
		if err != nil || string(got) != want {
			t.Fatalf("%d bytes back, want %d: %v", len(got), len(want), err)
		}
	}
}

func TestSteadyStateAllocatesNothing(t *testing.T) {
	b, d, c := NewBatch("create", true), IDs{}, Compressor{}
	var out []byte
	doc, indices := []byte(`{"log":"hello"}`), [][]byte{[]byte("eks-log"), []byte("other")}
	run := func() {
		b.Reset(1 << 20)
		d.Start("t", 1)
		for i := range 1000 {
			b.Begin(indices[i%2], nil, i)
			b.Buf = append(b.Buf, doc...)
			var id [IDSize]byte
			d.Next(&id, int32(i), int64(i), 1, doc, false)
			b.End(&id)
		}
		out = c.Compress(out[:0], b.Buf)
	}
	run()
	if n := testing.AllocsPerRun(20, run); n != 0 {
		t.Fatalf("%v allocations for 1000 records", n)
	}
}

func BenchmarkID(b *testing.B) {
	var d IDs
	var id [IDSize]byte
	body := bytes.Repeat([]byte("0123456789"), 15)
	for i := 0; b.Loop(); i++ {
		if i%10_000 == 0 {
			d.Start("t", 1)
		}
		d.Next(&id, int32(i), int64(i), 123, body, false)
	}
}

func BenchmarkCompress(b *testing.B) {
	var c Compressor
	var body, out []byte
	for i := range 10_000 {
		body = fmt.Appendf(body, `{"create":{"_id":"%020d"}}`+"\n"+`{"@timestamp":"2026-11-01T00:%02d:%02d.%03dZ","stream":"stdout","logtag":"F","log":"GET cart checkout %x timeout retry"}`+"\n", i, i%60, i%59, i%1000, i*7919)
	}
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		out = c.Compress(out[:0], body)
	}
}
