package deflate

// The head of a block tells the sizes of its codes in an alphabet of its own: sizes, and three
// symbols for repetition.
const (
	repeatSize   = 16 // the size before, 3 to 6 times
	repeatZero   = 17 // 3 to 10 times
	repeatZeros  = 18 // 11 to 138 times
	headSymbols  = 19
	headLimit    = 7
	fixedBlock   = 1
	dynamicBlock = 2
)

var (
	headExtra = [headSymbols]uint8{repeatSize: 2, repeatZero: 3, repeatZeros: 7}
	// headOrder is the order in which the sizes of the head's own codes stand.
	headOrder = [headSymbols]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}
)

// header writes the head of a block.
func (c *coder) header(w *bitWriter, last bool, lengths, dists []uint8) {
	lengths = trim(lengths, firstLength)
	dists = trim(dists, 1)
	var all [lengthCodes + distCodes]uint8
	n := copy(all[:], lengths)
	n += copy(all[n:], dists)
	var tokens [lengthCodes + distCodes]token
	packed := pack(tokens[:0], all[:n])
	var counts [headSymbols]uint32
	for _, t := range packed {
		counts[t&511]++
	}
	var sizes [headSymbols]uint8
	var codes [headSymbols]code
	c.sizes(sizes[:], counts[:], headLimit)
	assign(codes[:], sizes[:], headExtra[:])
	stated := headSymbols
	for stated > 4 && sizes[headOrder[stated-1]] == 0 {
		stated--
	}
	w.put(final(last)|dynamicBlock<<1, 3)
	w.put(uint64(len(lengths)-firstLength), 5)
	w.put(uint64(len(dists)-1), 5)
	w.put(uint64(stated-4), 4)
	for _, s := range headOrder[:stated] {
		w.put(uint64(sizes[s]), 3)
	}
	for _, t := range packed {
		k := &codes[t&511]
		w.put(uint64(k.code)|uint64(t>>16)<<k.size, uint(k.whole))
	}
}

// final is the first bit of a block.
func final(last bool) uint64 {
	if last {
		return 1
	}
	return 0
}

// trim cuts zeros off the end, down to least.
func trim(sizes []uint8, least int) []uint8 {
	for len(sizes) > least && sizes[len(sizes)-1] == 0 {
		sizes = sizes[:len(sizes)-1]
	}
	return sizes
}

// pack appends the tokens of sizes.
func pack(tokens []token, sizes []uint8) []token {
	for i := 0; i < len(sizes); {
		size := sizes[i]
		run := 1
		for i+run < len(sizes) && sizes[i+run] == size {
			run++
		}
		i += run
		if size != 0 {
			tokens = append(tokens, token(size))
			run--
		}
		for run >= 3 {
			symbol, least, most := repeatSize, 3, 6
			switch {
			case size == 0 && run > 10:
				symbol, least, most = repeatZeros, 11, 138
			case size == 0:
				symbol, most = repeatZero, 10
			}
			k := min(run, most)
			tokens = append(tokens, token(symbol)|token(k-least)<<16)
			run -= k
		}
		for range run {
			tokens = append(tokens, token(size))
		}
	}
	return tokens
}
