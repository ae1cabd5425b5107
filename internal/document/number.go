package document

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/bits"
	"strconv"
)

func appendUint(dst []byte, v uint64) []byte {
	if v >= 1e19 {
		return strconv.AppendUint(dst, v, 10)
	}
	n := bits.Len64(v|1) * 1233 >> 12 // the number of digits, or one less
	if v >= pow10[n] {
		n++
	}
	return appendDigits(dst, v, max(n, 1))
}

// AppendFloat appends the shortest text that reads back as v. It always shows
// that the number is not an integer ("3.0", as the built-in output writes it):
// from the first document OpenSearch guesses the field's type, and a field
// guessed as long would cut the fraction off the next one. What is not a number,
// or infinite, becomes null.
func AppendFloat(dst []byte, v float64, width int) []byte {
	a := math.Abs(v)
	if a >= 1e-3 && a < 1e15 && width == 64 {
		if a == math.Trunc(a) {
			dst = strconv.AppendInt(dst, int64(v), 10)
			return append(dst, ".0"...)
		}
		if mantissa := math.Float64bits(a) & (1<<52 - 1); mantissa != 0 {
			if v < 0 {
				dst = append(dst, '-')
			}
			return appendShortest(dst, uint64(a), mantissa|1<<52, int(math.Float64bits(a)>>52)-1075)
		}
	}
	if !(a <= math.MaxFloat64) {
		return append(dst, "null"...)
	}
	if a != 0 && (a < 1e-6 || a >= 1e21) {
		return strconv.AppendFloat(dst, v, 'e', -1, width)
	}
	start := len(dst)
	dst = strconv.AppendFloat(dst, v, 'f', -1, width)
	if bytes.IndexByte(dst[start:], '.') < 0 {
		dst = append(dst, ".0"...)
	}
	return dst
}

// powers of ten and of five that fit 64 bits, as far as they are needed.
var pow10, pow5 [20]uint64

func init() {
	pow10[0], pow5[0] = 1, 1
	for i := 1; i < len(pow10); i++ {
		pow10[i], pow5[i] = pow10[i-1]*10, pow5[i-1]*5
	}
}

// appendShortest appends m*2^e, which is from 0.001 to 1e15, no integer and no power of two; m has
// 53 bits, and whole is the part before the point. In this range, where the figures of applications
// are, all the arithmetic is exact in 128 bits, and takes a third of the time that strconv's takes,
// which serves every range.
//
// All numbers nearer to it than to any other float lie between (2m-1)*2^(e-1) and
// (2m+1)*2^(e-1). Multiplied by the 10^p for which that distance is between 1 and
// 10, there is an integer between the two, and the shortest text is that
// integer, or, if there is one, a multiple of ten. The ends are no integers: shift is
// 1 at least, and what it divides is odd.
func appendShortest(dst []byte, whole, m uint64, e int) []byte {
	p := -(e * 78913 >> 18) // -floor(log10(2^e)): 1 to 19
	shift := uint(1 - e - p)
	scale := pow5[p]
	low, _ := scaled(2*m-1, scale, shift)
	low++
	high, _ := scaled(2*m+1, scale, shift)
	d := high / 10
	if d*10 >= low {
		p--
		for d%10 == 0 {
			d /= 10
			p--
		}
	} else if d = low; low < high {
		var rest bool
		d, rest = scaled(2*m, scale, shift-1) // twice the value
		up := d&1 == 1 && (rest || d&2 == 2)  // to the nearest, or the even one of two
		if d >>= 1; up {
			d++
		}
	}
	// No integer lies as near to the float as d does, so p is at least 1.
	dst = append(appendUint(dst, whole), '.')
	return appendDigits(dst, d-whole*pow10[p], p)
}

// scaled returns the whole part of x*scale/2^shift, and whether there is a rest.
func scaled(x, scale uint64, shift uint) (whole uint64, rest bool) {
	hi, lo := bits.Mul64(x, scale)
	return hi<<(64-shift) | lo>>shift, lo&(1<<shift-1) != 0
}

// appendDigits appends the last n (1 to 20) decimal digits of v, with leading
// zeros.
func appendDigits(dst []byte, v uint64, n int) []byte {
	dst = grow(dst, n+8)
	buf := dst[len(dst) : len(dst)+n+8]
	end := len(dst) + n
	if n > 16 {
		putDigits(buf, uint32(v/1e16), n-16)
		buf, v, n = buf[n-16:], v%1e16, 16
	}
	if n > 8 {
		putDigits(buf, uint32(v/1e8), n-8)
		buf, v, n = buf[n-8:], v%1e8, 8
	}
	putDigits(buf, uint32(v), n)
	return dst[:end]
}

// putDigits writes the last n (1 to 8) decimal digits of v, which has 8 at most, to
// b; it spoils the bytes after them, up to the eighth. The digits are parted in
// halves, all halves of a size at once, each in a lane of its own.
func putDigits(b []byte, v uint32, n int) {
	x := uint64(v/1e4) | uint64(v%1e4)<<32
	q := x * 10486 >> 20 & 0x0000007f_0000007f // by 100
	x = q | (x-q*100)<<16
	q = x * 103 >> 10 & 0x000f000f_000f000f // by 10
	x = q | (x-q*10)<<8 | '0'*eachByte
	binary.LittleEndian.PutUint64(b, x>>(8*(8-n)&63))
}

const pairs = "00010203040506070809101112131415161718192021222324252627282930313233343536373839" +
	"4041424344454647484950515253545556575859606162636465666768697071727374757677787980" +
	"81828384858687888990919293949596979899"

// putPair writes v, 0 to 99, as two digits.
func putPair(b []byte, v int) {
	b[0], b[1] = pairs[2*v], pairs[2*v+1]
}
