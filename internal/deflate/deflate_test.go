package deflate

import (
	"bytes"
	"compress/flate"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	klauspost "github.com/klauspost/compress/flate"
)

func inflate(t testing.TB, b []byte) []byte {
	t.Helper()
	r := flate.NewReader(bytes.NewReader(b))
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatalf("cannot inflate: %v", err)
	}
	return got
}

func TestAppend(t *testing.T) {
	var c Compressor
	f := func(name string, src []byte, most int) {
		t.Helper()
		out := c.Append([]byte("before"), src)
		if !bytes.HasPrefix(out, []byte("before")) {
			t.Fatalf("%s: what was in the buffer is gone", name)
		}
		if got := inflate(t, out[len("before"):]); !bytes.Equal(got, src) {
			t.Fatalf("%s: %d bytes come back as %d others", name, len(src), len(got))
		}
		if n := len(out) - len("before"); n > most {
			t.Errorf("%s: %d bytes become %d, more than %d", name, len(src), n, most)
		}
		if again := c.Append(nil, src); !bytes.Equal(again, out[len("before"):]) {
			t.Errorf("%s: the same body gives other bytes", name)
		}
	}
	f("nothing", nil, 16)
	f("one byte", []byte("a"), 16)
	f("short", []byte(`{"create":{}}`), 60)
	f("zeros", make([]byte, 1<<20), 8000)
	for _, n := range []int{257, 258, 259, 260, 261, 262, 263, 515, 516, 520, 40*258 +
		3, 81 * 258} {
		f("a run", bytes.Repeat([]byte("x"), n), 200)
	}
	noise := make([]byte, 300_000)
	r := rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(r.Uint32())
	}
	f("noise", noise, len(noise)+len(noise)/100)
	f("words", []byte(strings.Repeat("connection reset by peer ", 40_000)), 15_000)
	var far []byte // repetition just within the window, and just beyond
	far = append(append(append(far, noise[:window]...), noise[:window-1]...), noise[:window+1]...)
	f("window", far, len(far))
	// counts like Fibonacci numbers make a tree deeper than codes may be
	var deep []byte
	for n, a, b := byte(0), 1, 1; n < 24; n++ {
		deep = append(deep, bytes.Repeat([]byte{'0' + n}, a)...)
		a, b = b, a+b
	}
	r.Shuffle(len(deep), func(i, j int) { deep[i], deep[j] = deep[j], deep[i] })
	f("deep", deep, len(deep)/2)
}

// logBody is a bulk body of lines like those of a web server, each with an id.
func logBody(lines int) []byte {
	r := rand.New(rand.NewPCG(3, 4))
	var b []byte
	for i := range lines {
		b = fmt.Appendf(b, `{"create":{"_id":"AaIO%016x"}}`+"\n", r.Uint64())
		b = fmt.Appendf(b, `{"@timestamp":"2026-11-24T15:%02d:%02d.%03dZ","stream":"stdout","logtag":"F","log":"GET /api/v1/items/%d HTTP/1.1 %d %d kube-probe took %d ms",`, i/600, i/10%60, i*7%1000, r.IntN(1e5), 200+r.IntN(5), r.IntN(1e5), r.IntN(500))
		b = append(b, `"kubernetes":{"pod_name":"web-7d9c5b6f4-x2lqp","namespace_name":"shop","container_name":"nginx"}}`+"\n"...)
	}
	return b
}

// A body of a few lines must not become noticeably larger than with the standard library, which
// uses the format's own codes where they are shorter.
func TestFewLines(t *testing.T) {
	var c Compressor
	var other bytes.Buffer
	w, _ := flate.NewWriter(&other, flate.BestSpeed)
	for n := range 30 {
		body := logBody(n)
		out := c.Append(nil, body)
		if got := inflate(t, out); !bytes.Equal(got, body) {
			t.Fatalf("%d lines: %d bytes come back as %d others", n, len(body), len(got))
		}
		other.Reset()
		w.Reset(&other)
		_, _ = w.Write(body)
		_ = w.Close()
		if len(out) > other.Len()*104/100 {
			t.Errorf("%d lines of %d bytes become %d, and %d with compress/flate", n, len(body),
				len(out), other.Len())
		}
	}
}

// A log must not become larger than with the library that did this before, or than with the
// standard one.
func TestSizeOfLog(t *testing.T) {
	body := logBody(10_000)
	var c Compressor
	ours := len(c.Append(nil, body))
	var other bytes.Buffer
	w, _ := flate.NewWriter(&other, flate.BestSpeed)
	k, _ := klauspost.NewWriter(&other, klauspost.BestSpeed)
	for name, w := range map[string]io.WriteCloser{"compress/flate": w, "klauspost": k} {
		other.Reset()
		_, _ = w.Write(body)
		_ = w.Close()
		if ours > other.Len() {
			t.Errorf("%d bytes become %d, and %d with %s", len(body), ours, other.Len(), name)
		}
	}
}

func TestAppendDoesNotAllocate(t *testing.T) {
	body := logBody(2000)
	var c Compressor
	out := c.Append(nil, body)
	if n := testing.AllocsPerRun(10, func() { out = c.Append(out[:0], body) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkAppend has the library that did this before beside it.
func BenchmarkAppend(b *testing.B) {
	body := logBody(10_000)
	var out bytes.Buffer
	k, _ := klauspost.NewWriter(&out, klauspost.BestSpeed)
	b.Run("klauspost", func(b *testing.B) {
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			out.Reset()
			k.Reset(&out)
			_, _ = k.Write(body)
			_ = k.Close()
		}
	})
	b.Run("ours", func(b *testing.B) {
		var c Compressor
		dst := out.Bytes()
		b.SetBytes(int64(len(body)))
		for b.Loop() {
			dst = c.Append(dst[:0], body)
		}
	})
}

func FuzzAppend(f *testing.F) {
	f.Add([]byte(nil), uint16(0))
	f.Add([]byte(`{"create":{"_id":"AaIOJ_S7PAKO_qVoU8U8"}}`+"\n"+`{"@timestamp":"2026-11-24T15:23:49.307Z","log":"GET /api/v1/items"}`+"\n"), uint16(700))
	f.Add([]byte{0, 1, 2, 3, 0xff}, uint16(33))
	f.Fuzz(func(t *testing.T, b []byte, times uint16) {
		src := bytes.Repeat(b, min(int(times), 1+400_000/(len(b)+1)))
		for i := range src { // so that repetition breaks off now and then
			if len(b) > 0 && i%(97+len(b)) == 0 {
				src[i] += byte(i >> 8)
			}
		}
		var c Compressor
		if got := inflate(t, c.Append(nil, src)); !bytes.Equal(got, src) {
			t.Fatalf("%d bytes come back as %d others", len(src), len(got))
		}
	})
}
