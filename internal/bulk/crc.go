package bulk

import "hash/crc32"

// A CRC-32 is a polynomial over the field of two elements, modulo crc32.IEEE, with the coefficient
// of x^0 in the highest bit. To append n bytes to what a checksum is of multiplies it by x^(8n), as
// in zlib's crc32_combine (Adler).

// crcOne is the polynomial 1.
const crcOne = 1 << 31

// crcPowers are x^(2^k).
var crcPowers = func() (powers [32]uint32) {
	powers[0] = crcOne >> 1
	for k := 1; k < len(powers); k++ {
		powers[k] = multiplyCRC(powers[k-1], powers[k-1])
	}
	return powers
}()

// combineCRC returns the checksum of some bytes and others behind them, from that of each and the
// number of the others.
func combineCRC(first, second, size uint32) uint32 {
	shift := uint32(crcOne)
	for k := 3; size > 0; size >>= 1 { // x^8 for each byte
		if size&1 == 1 {
			shift = multiplyCRC(shift, crcPowers[k&31]) // x^(2^32) is x^(2^0)
		}
		k++
	}
	return multiplyCRC(first, shift) ^ second
}

func multiplyCRC(a, b uint32) (product uint32) {
	for ; a != 0; a <<= 1 {
		product ^= b & -(a >> 31)
		b = b>>1 ^ crc32.IEEE&-(b&1)
	}
	return product
}
