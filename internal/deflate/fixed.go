package deflate

// The format has codes of its own, which need no head. They are the shorter ones for a line or two;
// a block of fewTokens is longer than that.
const fewTokens = 1 << 10

var (
	fixedSizes [symbols]uint8
	fixedCodes [512]code
)

func makeFixed() {
	lengths := fixedSizes[:firstDist] // two of them are in no stream, but have codes
	for s := range lengths {
		switch {
		case s < 144:
			lengths[s] = 8
		case s < 256:
			lengths[s] = 9
		case s < 280:
			lengths[s] = 7
		default:
			lengths[s] = 8
		}
	}
	for s := range distCodes {
		fixedSizes[firstDist+s] = 5
	}
	assign(fixedCodes[:firstDist], lengths, extraBits[:firstDist])
	assign(fixedCodes[firstDist:symbols], fixedSizes[firstDist:], extraBits[firstDist:])
}
