package simulation

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
)

// bounds are how often an account's document has to be somewhere: once for each of its pieces, but
// for what the guarantees leave open.
func (o *oracle) bounds(acc *account) (low, high int) {
	toFile := o.s.option("Dead_Letter_Path") != "" && (acc.poison != "" || acc.id != "")
	noIDs := o.s.domain.noIDs != "" || o.s.option("Generate_ID") == "Off" && acc.id == ""
	pieces, last, equal := acc.pieces, acc.pieces, 0
	if acc.poison == "" && acc.id == "" && !noIDs && !o.s.domain.stream {
		last = o.last(pieces)
		if !acc.coarse { // else the ids of two readings may differ
			pieces = last
		}
	}
	for _, p := range pieces {
		high++
		for i, c := range p.chunks {
			if noIDs || toFile {
				// Nothing but the ledger knows what was stored, and it ends with its process.
				high += c.unclear
			}
			if i > 0 && (noIDs || toFile || acc.coarse) {
				// Without ids, and with times that do not tell two lines apart, who reads again
				// writes again.
				high++
			}
			if c.equal {
				equal++
			}
		}
	}
	switch {
	case noIDs:
		low = len(pieces)
		high += o.d.excused[acc.key] + o.excusedLetters(acc)
	case acc.coarse:
		low = len(last) - equal
	default:
		low = different(pieces)
	}
	return low, high
}

// last are the pieces that no piece with more lines replaced.
func (o *oracle) last(pieces []*piece) []*piece {
	return slices.DeleteFunc(slices.Clone(pieces),
		func(p *piece) bool { return p.lines < o.longest[p.first] })
}

// different counts pieces, but those that are equal to the nanosecond only as often as one chunk
// holds them: in different chunks they are taken for one that was read twice.
func different(pieces []*piece) int {
	if len(pieces) < 2 {
		return len(pieces)
	}
	most := map[int64]int{} // by time
	perChunk := map[*chunk]map[int64]int{}
	for _, p := range pieces {
		at := p.first.at.UnixNano()
		for _, c := range p.chunks {
			if perChunk[c] == nil {
				perChunk[c] = map[int64]int{}
			}
			perChunk[c][at]++
			most[at] = max(most[at], perChunk[c][at])
		}
	}
	n := 0
	for _, m := range most {
		n += m
	}
	return n
}

// A tornEnd is the end of a chunk that is no record.
type tornEnd struct {
	raw                []byte
	letters, low, high int
}

// settleTorn compares for the ends of chunks. Their letters have no ids.
func (o *oracle) settleTorn() {
	for _, t := range o.torn {
		text := base64.StdEncoding.EncodeToString(t.raw)
		for key, times := range o.d.excused {
			if strings.Contains(key, text) {
				t.high += times
			}
		}
		if t.letters < t.low || t.letters > t.high {
			o.problem("the torn end %.40x… of %d bytes is %d times in the dead "+
				"letters, not %d to %d",
				t.raw, len(t.raw), t.letters, t.low, t.high)
		}
	}
}

// readChunks notes the torn ends of the chunks that were settled, and which have bytes that another
// process had settled before.
func (o *oracle) readChunks() {
	seen := map[string]*chunk{}
	for _, c := range o.a.settled {
		if c.torn != nil {
			key := o.s.sources[c.source].tag + " " + string(c.torn)
			if o.torn[key] == nil {
				o.torn[key] = &tornEnd{raw: c.torn}
			}
			o.torn[key].low++
			o.torn[key].high += 1 + c.unclear // it has no id
		}
		key := fmt.Sprint(c.source, " ") + string(c.bytes)
		first := seen[key]
		if first == nil {
			seen[key] = c
		}
		c.equal = first != nil && first.by != c.by
	}
}

// excusedLetters counts the letters without id of which the agent could not know that they were
// kept.
func (o *oracle) excusedLetters(acc *account) int {
	n := 0
	for key, times := range o.d.excused {
		if strings.Contains(key, deadLetterSuffix+" ") {
			for _, p := range acc.pieces {
				if name, ok := field(p.first.body, "k").(string); ok &&
					strings.Contains(key, name) {
					n += times
				}
			}
		}
	}
	return n
}
