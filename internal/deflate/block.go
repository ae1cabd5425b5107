package deflate

import "slices"

const (
	maxTokens    = 1 << 15 // 128 KiB; a block's header and the making of its codes cost little then
	enoughTokens = maxTokens - maxLiterals - 2*maxRun/maxMatch - 8
)

// block is one block of the stream, with codes of its own.
type block struct {
	tokens [maxTokens]token
	n      int
	counts [512]uint32 // by symbol; of a size that an index is masked to
	codes  [512]code
	sizes  [symbols]uint8
	coder  coder
}

// code is a symbol's code, in the order in which it is written.
type code struct {
	code        uint32
	size, whole uint16 // bits, without the extra ones and with them
}

// match adds the tokens of a match, of which there are n so far, and returns how many there are
// then.
func (b *block) match(n, length int, distance token) int {
	t := lengthToken[length&511]
	b.tokens[n%maxTokens], b.tokens[(n+1)%maxTokens] = t, distance
	b.counts[t&511]++
	b.counts[distance&511]++
	return n + 2
}

// Codes are shorter than the format allows, so that two tokens fit in a word with what is left of
// those before.
const (
	lengthLimit = 12
	distLimit   = 11
)

// write writes the block and empties it.
func (b *block) write(w *bitWriter, last bool) {
	b.counts[endOfBlock] = 1
	b.tokens[b.n] = endOfBlock
	b.n++
	lengths, dists := b.sizes[:lengthCodes], b.sizes[firstDist:]
	b.coder.sizes(lengths, b.counts[:lengthCodes], lengthLimit)
	b.coder.sizes(dists, b.counts[firstDist:symbols], distLimit)
	before := *w
	b.coder.header(w, last, lengths, dists)
	if b.n < fewTokens && b.bits(&fixedSizes) <= b.bits(&b.sizes)+w.since(&before) {
		*w = before
		w.put(final(last)|fixedBlock<<1, 3)
		b.codes = fixedCodes
	} else {
		assign(b.codes[:lengthCodes], lengths, extraBits[:lengthCodes])
		assign(b.codes[firstDist:symbols], dists, extraBits[firstDist:])
	}
	b.writeTokens(w)
	clear(b.counts[:])
	b.n = 0
}

// bits is what the tokens' codes take, of the given sizes.
func (b *block) bits(sizes *[symbols]uint8) (n uint) {
	for s, count := range b.counts[:symbols] {
		n += uint(count) * uint(sizes[s])
	}
	return n
}

// writeTokens writes the tokens two at a time, without a branch: a mistaken guess costs as much as
// ten of them.
func (b *block) writeTokens(w *bitWriter) {
	if b.n%2 == 1 {
		b.tokens[b.n%maxTokens] = token(len(b.codes) - 1) // which has no bits
		b.n++
	}
	const most = 3 // bytes that a token becomes: 12 bits and 5, or 11 and 13
	w.buf = slices.Grow(w.buf, most*b.n+8)
	out, at := w.buf[:cap(w.buf)], len(w.buf)
	bits, held := w.bits, w.held
	for i := 0; i < b.n; i += 2 {
		s, t := b.tokens[i%maxTokens], b.tokens[(i+1)%maxTokens]
		cs, ct := &b.codes[s&511], &b.codes[t&511]
		x := uint64(cs.code) | uint64(s>>16)<<(cs.size&63)
		y := uint64(ct.code) | uint64(t>>16)<<(ct.size&63)
		bits |= (x | y<<(cs.whole&63)) << (held & 63)
		held += uint(cs.whole) + uint(ct.whole)
		store(out, at, bits)
		at += int(held >> 3)
		bits >>= held & 56
		held &= 7
	}
	w.buf, w.bits, w.held = out[:at], bits, held
}

// bitWriter writes bits, the low ones first.
type bitWriter struct {
	buf  []byte
	bits uint64
	held uint // bits that are not in buf yet; fewer than eight
}

func (w *bitWriter) put(bits uint64, n uint) {
	w.bits |= bits << w.held
	for w.held += n; w.held >= 8; w.held -= 8 {
		w.buf = append(w.buf, byte(w.bits))
		w.bits >>= 8
	}
}

// since is how many bits were written since w was before.
func (w *bitWriter) since(before *bitWriter) uint {
	return 8*uint(len(w.buf)-len(before.buf)) + w.held - before.held
}

// end writes what is held and returns the buffer.
func (w *bitWriter) end() []byte {
	w.put(0, -w.held&7)
	return w.buf
}
