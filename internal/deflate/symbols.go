package deflate

// Symbols are numbered as in the format, with the distances behind literals and lengths, so that
// one table has the codes of all.
const (
	endOfBlock  = 256
	firstLength = 257
	lengthCodes = 286 // literals and lengths, the end of a block between them
	firstDist   = 288
	distCodes   = 30
	symbols     = firstDist + distCodes

	maxMatch = 258
	window   = 32 << 10 // how far back a match may be
)

// A token is a symbol in its low half and, in its high half, the extra bits that follow the
// symbol's code.
type token uint32

var (
	lengthToken [512]token  // by the match's length; of a size that its index is masked to
	distSymbol  [512]uint16 // by the distance less one; from 256 on, by 256 and that over 128
	distBase    [32]uint16  // by the symbol less firstDist: the smallest distance, less one
	extraBits   [symbols]uint8
)

func init() {
	length := 3
	for s := range 28 {
		extra := max(0, s/4-1)
		extraBits[firstLength+s] = uint8(extra)
		for x := range 1 << extra {
			if length < maxMatch {
				lengthToken[length] = token(firstLength+s) | token(x)<<16
			}
			length++
		}
	}
	lengthToken[maxMatch] = firstLength + 28
	back := 0
	for s := range distCodes {
		extra := max(0, s/2-1)
		extraBits[firstDist+s] = uint8(extra)
		distBase[s] = uint16(back)
		for range 1 << extra {
			distSymbol[distIndex(back)] = uint16(firstDist + s)
			back++
		}
	}
	makeFixed()
}

// distIndex is the index into distSymbol, without a branch that log text would make hard to
// predict.
func distIndex(back int) int {
	far := (255 - back) >> 63 // all ones from 256 on
	return back&^far | (256+back>>7)&far
}
