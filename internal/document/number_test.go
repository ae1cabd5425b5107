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

// TestFloatOfEverySize is about where the form changes, for both widths.
func TestFloatOfEverySize(t *testing.T) {
	f := func(v float64, width int) {
		t.Helper()
		if got, want := string(AppendFloat(nil, v, width)), jsonFloat(v, width); got != want {
			t.Errorf("%v of %d bits: got %s, want %s", v, width, got, want)
		}
	}
	for _, at := range []float64{0, 1e-6, 1e-3, 1, 1e15, 1e19, 1e21, math.MaxFloat32,
		math.MaxFloat64, math.SmallestNonzeroFloat64, math.Inf(1), math.NaN()} {
		for _, v := range []float64{at, -at, math.Nextafter(at, 0),
			math.Nextafter(at, math.Inf(1))} {
			f(v, 64)
			if v == float64(float32(v)) || v != v {
				f(v, 32)
			}
			f(float64(float32(v)), 32)
		}
	}
}

// TestUintOfEveryLength is about the powers of ten and of two.
func TestUintOfEveryLength(t *testing.T) {
	for shift := range 64 {
		for _, base := range []uint64{1 << shift, pow10[min(shift, 19)]} {
			for _, v := range []uint64{base - 1, base, base + 1, base - 1<<62} {
				if got := string(appendUint(nil, v)); got != strconv.FormatUint(v, 10) {
					t.Errorf("got %s, want %d", got, v)
				}
			}
		}
	}
	if got := string(appendUint(nil, math.MaxUint64)); got != "18446744073709551615" {
		t.Error(got)
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
