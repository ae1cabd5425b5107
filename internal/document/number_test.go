package document

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
)

// TestFloat compares with strconv, which is shortest too.
func TestFloat(t *testing.T) {
	f := func(v float64) {
		t.Helper()
		want := strconv.FormatFloat(v, 'f', -1, 64)
		if !strings.Contains(want, ".") {
			want += ".0"
		}
		if got := string(AppendFloat(nil, v, 64)); got != want {
			t.Errorf("%b: got %s, want %s", v, got, want)
		}
	}
	r := rand.New(rand.NewPCG(1, 2))
	const tries = 300000
	for range tries {
		v := math.Pow(10, r.Float64()*19-3.5)
		f(v)
		f(-v)
		f(math.Round(v*1000) / 1000)
		f(math.Round(v*8) / 8)
		f(r.Float64() * 900)
	}
	for e := -10; e < 52; e++ {
		p := math.Ldexp(1, e)
		for range 5 {
			f(p)
			f(math.Nextafter(p, 0))
			p = math.Nextafter(p, math.MaxFloat64)
		}
	}
	for _, v := range []float64{1e-3, 1e15, 0.3, 1.005, 2.5, 1e14 + 0.5, 999999999999999.9, 0.1 + 0.2} {
		f(v)
		f(math.Nextafter(v, 0))
		f(math.Nextafter(v, math.MaxFloat64))
	}
}

func BenchmarkFloat(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 2))
	values := make([]float64, 1024)
	for i := range values {
		values[i] = r.Float64() * 900
	}
	dst := make([]byte, 0, 64)
	i := 0
	for b.Loop() {
		i++
		dst = AppendFloat(dst[:0], values[i%len(values)], 64)
	}
}
