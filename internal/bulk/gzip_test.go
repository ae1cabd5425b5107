package bulk

import (
	"bytes"
	stdgzip "compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"math/rand/v2"
	"testing"
)

// gunzip reads one gzip member, which has to be all there is.
func gunzip(t testing.TB, b []byte) []byte {
	t.Helper()
	in := bytes.NewReader(b)
	r, err := stdgzip.NewReader(in)
	if err != nil {
		t.Fatal(err)
	}
	r.Multistream(false)
	got, err := io.ReadAll(r)
	if err != nil || in.Len() != 0 {
		t.Fatalf("%d bytes back, %d behind the member: %v", len(got), in.Len(), err)
	}
	return got
}

// logLines is n bytes like those of bulk bodies.
func logLines(r *rand.Rand, n int) (b []byte) {
	for len(b) < n {
		b = fmt.Appendf(b, `{"create":{"_id":"%020x"}}`+"\n"+`{"@timestamp":"2026-11-01T00:00:%02d.%03dZ","stream":"stdout","log":"GET cart %x timeout"}`+"\n", r.Uint64(), r.IntN(60), r.IntN(1000), r.Uint32())
	}
	return b[:n]
}

func TestJoinedPiecesAreOneMember(t *testing.T) {
	var c Compressor
	f := func(bodies ...[]byte) {
		t.Helper()
		var pieces []Piece
		var buf, want []byte
		for _, body := range bodies {
			var p Piece
			p, buf = c.Piece(buf, body)
			pieces = append(pieces, p)
			want = append(want, body...)
		}
		if got := gunzip(t, Join([]byte("before"), pieces)[len("before"):]); !bytes.Equal(got, want) {
			t.Fatalf("%d pieces of %d bytes come back as %d others", len(pieces), len(want),
				len(got))
		}
	}
	r := rand.New(rand.NewPCG(5, 6))
	f()
	f(nil)
	f([]byte("a"))
	f(nil, []byte("a"), nil, nil, []byte("b"))
	f(logLines(r, 5<<20), []byte("a"), logLines(r, 5<<20))
	for range 100 {
		var bodies [][]byte
		for range r.IntN(30) {
			bodies = append(bodies, logLines(r, r.IntN(1<<r.IntN(16))))
		}
		f(bodies...)
	}
}

func FuzzJoin(f *testing.F) {
	f.Add([]byte("some text, some text"), uint16(7), uint16(3))
	f.Add([]byte{0, 0, 0, 0xff}, uint16(0), uint16(4))
	f.Add(bytes.Repeat([]byte(`{"create":{}}`), 100), uint16(900), uint16(901))
	f.Fuzz(func(t *testing.T, b []byte, x, y uint16) {
		i := min(int(x), len(b))
		j := min(i+int(y), len(b))
		var c Compressor
		first, _ := c.Piece(nil, b[:i])
		second, _ := c.Piece(nil, b[i:j])
		third, _ := c.Piece(nil, b[j:])
		if got := gunzip(t, Join(nil, []Piece{first, second, third})); !bytes.Equal(got, b) {
			t.Fatalf("%d bytes come back as %d others", len(b), len(got))
		}
	})
}

func TestCombineCRC(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	b := make([]byte, 3<<20)
	for i := 0; i+8 <= len(b); i += 8 {
		binary.LittleEndian.PutUint64(b[i:], r.Uint64())
	}
	for range 300 {
		i := r.IntN(1 << r.IntN(21))
		j := i + r.IntN(1<<r.IntN(21))
		got := combineCRC(crc32.ChecksumIEEE(b[:i]), crc32.ChecksumIEEE(b[i:j]), uint32(j-i))
		if want := crc32.ChecksumIEEE(b[:j]); got != want {
			t.Fatalf("%d and %d bytes: %08x, want %08x", i, j-i, got, want)
		}
	}
	zeros, one := uint32(0), crc32.ChecksumIEEE(make([]byte, 16))
	for range 16 {
		zeros = combineCRC(zeros, one, 16)
	}
	if want := crc32.ChecksumIEEE(make([]byte, 256)); zeros != want {
		t.Fatalf("%08x, want %08x", zeros, want)
	}
}

// BenchmarkJoin makes a request of what fifty flushes of twenty lines have compressed.
func BenchmarkJoin(b *testing.B) {
	var c Compressor
	var pieces []Piece
	r := rand.New(rand.NewPCG(9, 10))
	for range 50 {
		p, _ := c.Piece(nil, logLines(r, 4000))
		pieces = append(pieces, p)
	}
	var out []byte
	for b.Loop() {
		out = Join(out[:0], pieces)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(pieces)), "ns/piece")
}
