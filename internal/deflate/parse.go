package deflate

// recent is where sequences of bytes stood last, by a hash of eight of them and of five: the low
// half of the place, which is enough, for a match is compared byte by byte anyway.
type recent struct{ eight, five [1 << hashBits]uint16 }

const (
	hashBits = 13 // 32 KiB together
	prime    = 0x9e3779b97f4a7c15
	minMatch = 4
	room     = 32 // bytes before the end within which no match begins, so that the parser may look ahead

	maxLiterals = 64            // between two searches
	maxRun      = 40 * maxMatch // of a match as it is found, about; it is cut into several
)

// parse fills the block with the tokens of src[p:], as many as it takes, and returns where it came
// to.
//
// A match is looked for where one ended, and else at the start of the next word. What has not been
// seen at a word's start is mostly an id or a number, of which no part has been seen either. Of two
// places, that of eight bytes comes first, since it gives the longer match: the next word with this
// one.
func (c *Compressor) parse(src []byte, p int) int {
	b, r := &c.block, &c.recent
	n := 0
	limit := len(src) - room
	for p < limit && n < enoughTokens {
		v, v8 := load(src, p), load(src, p+8)
		eight, five := v*prime>>(64-hashBits), v<<24*prime>>(64-hashBits)
		at, other := r.eight[eight], r.five[five]
		r.eight[eight], r.five[five] = uint16(p), uint16(p)
		q := max(p-int(uint16(p)-at), 0)
		x, x8 := v^load(src, q), v8^load(src, q+8)
		l := 8 + sameBytes(x8)
		if x != 0 || uint16(p-q-1) >= window {
			q = max(p-int(uint16(p)-other), 0)
			x, x8 = v^load(src, q), v8^load(src, q+8)
			l = sameBytes(x)
			l += sameBytes(x8) & -(l >> 3) // only where all eight are the same
			if l < minMatch || uint16(p-q-1) >= window {
				until := min(limit, p+maxLiterals)
				for {
					s := src[p]
					b.tokens[n%maxTokens] = token(s)
					b.counts[s]++
					n++
					p++
					if p >= until || !inWord[src[p]] {
						break
					}
				}
				continue
			}
		}
		back := p - q - 1
		d := distSymbol[distIndex(back)&511]
		distance := token(d) | token(back-int(distBase[(d-firstDist)&31]))<<16
		if l == 16 {
			l = reach(src, p, q, limit)
			p += l
			for ; l > maxMatch; l -= min(maxMatch, l-minMatch) {
				n = b.match(n, min(maxMatch, l-minMatch), distance)
			}
			p -= l
		}
		n = b.match(n, l, distance)
		p += l
	}
	if p >= limit {
		for ; p < len(src) && n < enoughTokens; p++ {
			b.tokens[n%maxTokens] = token(src[p])
			b.counts[src[p]]++
			n++
		}
	}
	b.n = n
	return p
}

// reach is how many bytes from p on are the same as those from q on, of which the first 16 are: up
// to limit, about, and maxRun.
func reach(src []byte, p, q, limit int) int {
	l := 16
	for p+l < limit && l < maxRun {
		x, x8 := load(src, p+l)^load(src, q+l), load(src, p+l+8)^load(src, q+l+8)
		if x|x8 != 0 {
			k := sameBytes(x)
			return l + k + sameBytes(x8)&-(k>>3)
		}
		l += 16
	}
	return l
}

// inWord tells the bytes that words, ids and numbers are made of.
var inWord [256]bool

func init() {
	for c := range inWord {
		inWord[c] = c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' ||
			c == '-' || c == '_' || c >= 0x80
	}
}
