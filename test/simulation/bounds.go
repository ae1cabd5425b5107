package simulation

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// bounds are how often an account's lines have to be somewhere: as often as they were written, but for
// what the guarantees leave open.
func (o *oracle) bounds(acc *account) (low, high int) {
	high = len(acc.lines)
	toFile := o.s.option("Dead_Letter_Path") != "" && (acc.poison != "" || acc.id != "")
	noIDs := o.s.domain.noIDs != "" || o.s.option("Generate_ID") == "Off" && acc.id == ""
	for _, l := range acc.lines {
		for _, c := range o.chunksOf[l] {
			if noIDs || toFile {
				// Nothing but the ledger knows what was stored, and it ends with its process.
				high += c.unclear
			}
			if c.reread && (noIDs || toFile || acc.coarse) {
				// Without ids, and with times that do not tell two lines apart, who reads again
				// writes again.
				high++
			}
		}
	}
	switch {
	case noIDs:
		low = len(acc.lines)
		high += o.d.excused[acc.key] + o.excusedLetters(acc)
	case acc.coarse:
		low = len(acc.lines)
		for _, l := range acc.lines {
			low -= o.equal[l]
		}
	default:
		low = o.different(acc)
	}
	return low, high
}

// different counts lines, but those that are equal to the nanosecond only as often as one chunk holds
// them: in different chunks they are taken for one that was read twice.
func (o *oracle) different(acc *account) int {
	if len(acc.lines) == 1 {
		return 1
	}
	most := map[int64]int{} // by time
	perChunk := map[*chunk]map[int64]int{}
	for _, l := range acc.lines {
		at := l.at.UnixNano()
		for _, c := range o.chunksOf[l] {
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
			o.problem("the torn end %.40x… of %d bytes is %d times in the dead letters, not %d to %d",
				t.raw, len(t.raw), t.letters, t.low, t.high)
		}
	}
}

// readChunks notes in which chunks each line was settled, and which lines are in a chunk whose bytes
// another process had settled before: with coarse times, it cannot know that they are others.
func (o *oracle) readChunks() {
	o.torn = map[string]*tornEnd{}
	o.chunksOf, o.equal = map[*line][]*chunk{}, map[*line]int{}
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
		for _, l := range o.s.sources[c.source].lines[c.first : c.first+c.n] {
			o.chunksOf[l] = append(o.chunksOf[l], c)
			if first != nil && first.by != c.by {
				o.equal[l]++
			}
		}
	}
}

// excusedLetters counts the letters without id of which the agent could not know that they were kept.
func (o *oracle) excusedLetters(acc *account) int {
	n := 0
	for key, times := range o.d.excused {
		if strings.Contains(key, deadLetterSuffix+" ") {
			for _, l := range acc.lines {
				if name, ok := field(l.body, "k").(string); ok && strings.Contains(key, name) {
					n += times
				}
			}
		}
	}
	return n
}
