package fleet

import (
	"cmp"
	"slices"
	"time"
)

// tally is what the domain saw.
type tally struct {
	requests, useless int // useless ones brought nothing new
	conns, peakConns  int
	sts               int

	began   time.Time
	seen    [][]uint64 // of each agent, a bit for each part of each chunk
	lines   []float64  // stored of each agent, once each
	lags    []float32  // s from a part's writing to its being stored
	total   float64
	twice   float64   // lines that were there already
	history []float64 // lines stored in each step
}

const step = 5 * time.Second

func (t *tally) init(agents int, _ time.Duration) {
	t.began = time.Now()
	t.seen, t.lines = make([][]uint64, agents), make([]float64, agents)
}

// store counts a record that was stored, and tells whether it is a new one.
func (t *tally) store(r record) bool {
	bit := r.chunk*parts + r.part
	seen := t.seen[r.agent]
	for len(seen) <= bit/64 {
		seen = append(seen, 0)
	}
	t.seen[r.agent] = seen
	if seen[bit/64]>>(bit%64)&1 == 1 {
		t.twice += r.lines
		return false
	}
	seen[bit/64] |= 1 << (bit % 64)
	t.total += r.lines
	t.lines[r.agent] += r.lines
	t.lags = append(t.lags, float32(time.Since(r.written).Seconds()))
	at := int(time.Since(t.began) / step)
	for len(t.history) <= at {
		t.history = append(t.history, 0)
	}
	t.history[at] += r.lines
	return true
}

// mark is the state of a tally at one moment, to measure from.
type mark struct {
	at                time.Time
	requests, useless int
	total, twice      float64
	lines             []float64
	lags              int
}

func (d *domain) mark() mark {
	d.mu.Lock()
	defer d.mu.Unlock()
	t := &d.tally
	return mark{time.Now(), t.requests, t.useless, t.total, t.twice, slices.Clone(t.lines),
		len(t.lags)}
}

// jain is Jain's index of fairness: 1 if all are equal, 1/n if one has all.
func jain(of []float64) float64 {
	var sum, squares float64
	for _, x := range of {
		sum += x
		squares += x * x
	}
	if squares == 0 {
		return 0
	}
	return sum * sum / (float64(len(of)) * squares)
}

func quantile(of []float32, share float64) float64 {
	if len(of) == 0 {
		return 0
	}
	of = slices.Clone(of)
	slices.Sort(of)
	return float64(of[min(len(of)-1, int(share*float64(len(of))))])
}

// fairShares divides what there is max-min fairly: nobody gets more than it asks for, and who gets
// less than that gets as much as any.
func fairShares(asked []float64, all float64) []float64 {
	shares := make([]float64, len(asked))
	order := make([]int, len(asked))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(asked[a], asked[b]) })
	for n, i := range order {
		shares[i] = min(asked[i], all/float64(len(order)-n))
		all -= shares[i]
	}
	return shares
}
