package simulation

import (
	"cmp"
	"slices"
	"time"
)

// happens makes an event of the agent's life happen.
func (a *agent) happens(e event) {
	a.note("%s", e.kind)
	old := a.process
	switch e.kind {
	case restart:
		a.finish(a.r.IntN(3))
		a.relaunch(old)
	case panics:
		a.plan(a.plan(0) + 1)
	case reload:
		if err := a.launchBeside(old); err != nil {
			a.fault("it does not start again: %v", err)
		}
	default:
		old.dead = true
		for c := range old.flights {
			a.waiting = append(a.waiting, c)
			c.at = time.Since(a.start)
		}
		slices.SortFunc(a.waiting, func(x, y *chunk) int { return cmp.Compare(x.id, y.id) })
		a.flying = 0
		old.flights = map[*chunk]bool{}
		old.net.sever()
		go old.close() // its goroutines have to go; nobody hears what it says
		a.unclear()
		a.relaunch(old)
		a.readAgain(e.kind)
	}
}

// unclear counts, for the chunks that were flushed and are not settled, that their process ended.
func (a *agent) unclear() {
	for _, c := range a.waiting {
		if c.tries > 0 {
			c.unclear++
		}
		c.at = min(c.at, time.Since(a.start)+time.Second)
	}
}

func (a *agent) relaunch(old *process) {
	a.ended = append(a.ended, old)
	if err := a.launch(); err != nil {
		a.fault("it does not start again: %v", err)
	}
}

// launchBeside starts the new instance, and ends the old one in the middle of what it does.
func (a *agent) launchBeside(old *process) error {
	a.ended = append(a.ended, old)
	if err := a.launch(); err != nil {
		return err
	}
	fresh := a.process
	a.process = old
	a.finish(a.r.IntN(3))
	a.process = fresh
	return nil
}

// finish ends the process as SIGTERM does: some of the flushes under way get time to end.
func (a *agent) finish(seconds int) {
	p := a.process
	until := time.After(time.Duration(seconds) * time.Second)
	for waiting := seconds > 0; waiting && len(p.flights) > 0; {
		select {
		case f := <-a.results:
			a.answered(f)
		case <-until:
			waiting = false
		}
	}
	closed := make(chan struct{})
	began := time.Now()
	go func() {
		defer close(closed)
		p.close()
	}()
	limit := time.After(closeWithin)
	for done := false; !done || len(p.flights) > 0; {
		select {
		case f := <-a.results:
			a.answered(f)
		case <-closed:
			done, closed = true, nil
		case <-limit:
			a.fault("%d flushes go on %s after Close (Close returned: %t)", len(p.flights),
				time.Since(began), done)
			return
		}
	}
	a.unclear()
}

// closeWithin bounds Close, and the flushes that it ends.
const closeWithin = 5 * time.Second

// readAgain is what tail does without its offsets, or with older ones.
func (a *agent) readAgain(kind string) {
	if kind == kill {
		return
	}
	for i := range a.s.sources {
		first := 0
		if kind == rewind {
			first = max(0, a.read[i]-1-a.r.IntN(30))
		}
		at := time.Since(a.start)
		a.back[i] = 0
		for most := 1 + a.r.IntN(40); first < a.read[i]; {
			n := min(a.read[i]-first, 1+a.r.IntN(most))
			if first+n == a.read[i] && a.next[i] < len(a.s.sources[i].cuts) && a.r.IntN(2) == 0 {
				a.back[i] = n // what comes next is read with it
				break
			}
			a.add(i, first, n, at)
			first += n
			at += time.Duration(a.r.Int64N(int64(2 * time.Second)))
		}
	}
}
