package document

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"
)

// TestCopyText compares this processor's version with the one for any.
func TestCopyText(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const kinds = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa~\x7f \"\\\n\t\x00\x1f\x80\xff"
	for range 200000 {
		n := 1 + r.IntN(80)
		src := make([]byte, n+maxOver)
		for i := range src {
			src[i] = kinds[r.IntN(len(kinds))]
		}
		a, b := make([]byte, 2*len(src)), make([]byte, 2*len(src))
		read, written := copyText(&a[0], &src[0], n)
		wantRead, wantWritten := copyWords(b, src, n)
		written -= max(read-n, 0)
		wantWritten -= max(wantRead-n, 0)
		read, wantRead = min(read, n), min(wantRead, n)
		if read != wantRead || !bytes.Equal(a[:written], b[:wantWritten]) {
			t.Fatalf("%q: got %d, %q, want %d, %q", src[:n], read, a[:written], wantRead,
				b[:wantWritten])
		}
	}
}

// BenchmarkCopyText is this processor's version beside the one for any.
func BenchmarkCopyText(b *testing.B) {
	text := []byte(strings.Repeat(`GET /api/v1/items "quoted" user-service timeout retry `, 4))
	src, dst := append(text, make([]byte, maxOver)...), make([]byte, 3*len(text))
	b.Run("own", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			copyText(&dst[0], &src[0], len(text))
		}
	})
	b.Run("any", func(b *testing.B) {
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			copyWords(dst, src, len(text))
		}
	})
}
