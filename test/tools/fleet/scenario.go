package fleet

import (
	"sync"
	"time"
)

// scenario is what happens to a fleet.
type scenario struct {
	name   string
	load   float64 // of the domain's capacity
	length time.Duration
	from   time.Duration // when measuring begins
	loud   bool          // a tenth of the nodes has ten times as many lines
	happen func(f *fleet)
	drain  time.Duration // when the domain comes back, if it was away: the drain is measured from then
	least  float64       // goodput to be reached, of the capacity
	fair   float64       // Jain's index to be reached
}

// fleet is a scenario that runs.
type fleet struct {
	domain *domain
	agents []*agent
	began  time.Time
}

// at waits until so long after the beginning.
func (f *fleet) at(d time.Duration) { time.Sleep(time.Until(f.began.Add(d))) }

// settings are what a run is done with.
type settings struct {
	agents int
	every  time.Duration
}

var outputs = []struct {
	name  string
	open  func(a *agent) (output, error)
	width int
}{
	{"this plugin", openPlugin, workers},
	{"built-in", openBuiltIn, maxTasks},
}

const outage = 10 * time.Minute

var scenarios = []scenario{
	{name: "70 % of capacity", load: 0.7, least: 0.69, fair: 0.99, from: time.Minute,
		length: 3 * time.Minute},
	{name: "120 % of capacity", load: 1.2, least: 0.9, fair: 0.95, from: time.Minute,
		length: 7 * time.Minute},
	{name: "10 min outage, 50 %", load: 0.5, length: 50 * time.Minute, drain: time.Minute +
		outage, happen: func(f *fleet) {
		f.at(time.Minute)
		f.domain.set(func(d *domain) { d.down = true })
		f.at(time.Minute + outage)
		f.domain.set(func(d *domain) { d.down = false })
	}},
	{name: "a data node at half speed, 70 %", load: 0.7, least: 0.45, from: time.Minute,
		length: 4 * time.Minute, happen: func(f *fleet) {
			f.at(30 * time.Second)
			f.domain.set(func(d *domain) { d.nodes[3].speed = 0.5 })
		}},
	{name: "10 min of 503, 50 %", load: 0.5, length: 50 * time.Minute, drain: time.Minute +
		outage, happen: func(f *fleet) {
		f.at(time.Minute)
		f.domain.set(func(d *domain) { d.failing = true })
		f.at(time.Minute + outage)
		f.domain.set(func(d *domain) { d.failing = false })
	}},
	{name: "blue/green, 70 %", load: 0.7, least: 0.65, fair: 0.95, from: 30 * time.Second,
		length: 6 * time.Minute, happen: func(f *fleet) {
			for n := range dataNodes { // shards move off, the node leaves, another one has taken its place
				f.at(30*time.Second + time.Duration(n)*30*time.Second)
				f.domain.set(func(d *domain) { d.nodes[n].speed = 0.6 })
				time.Sleep(20 * time.Second)
				f.domain.set(func(d *domain) { d.nodes[n].speed, d.nodes[n].queue = 0, nil })
				time.Sleep(2 * time.Second)
				f.domain.set(func(d *domain) { d.nodes[n].speed = 1 })
			}
		}},
	{name: "all agents rolled, 70 %", load: 0.7, least: 0.69, fair: 0.95, from: 50 * time.Second,
		length: 4 * time.Minute, happen: func(f *fleet) {
			f.at(time.Minute)
			var all sync.WaitGroup
			for _, a := range f.agents {
				all.Go(func() { _ = a.restart(10 * time.Second) }) // what could fail has worked at the start
			}
			all.Wait()
		}},
	{name: "a tenth ten times as loud, 120 %", load: 1.2, least: 0.9, from: time.Minute,
		length: 4 * time.Minute, loud: true},
}

// nodeRate is how many lines a second a usual node has.
const nodeRate = 2000

// start makes the fleet and its domain.
func (s scenario) start(set settings, open func(a *agent) (output, error), width int) (*fleet,
	error) {
	rates := make([]float64, set.agents)
	all := 0.0
	for i := range rates {
		rates[i] = nodeRate
		if s.loud && i%10 == 0 {
			rates[i] *= 10
		}
		all += rates[i]
	}
	capacity := all / s.load
	// The throttle takes three times the requests that the nodes need.
	f := &fleet{domain: newDomain(capacity, 3*float64(set.agents)/set.every.Seconds(), set.agents,
		set.every), began: time.Now()}
	for i, rate := range rates {
		a := &agent{id: i, domain: f.domain, every: set.every, lines: rate * set.every.Seconds(),
			open: open, width: width}
		if err := a.start(); err != nil {
			return nil, err
		}
		f.agents = append(f.agents, a)
	}
	return f, nil
}

// waiting is how many lines were written and are not stored.
func (f *fleet) waiting() float64 {
	made := 0.0
	for _, a := range f.agents {
		a.mu.Lock()
		made += a.made
		a.mu.Unlock()
	}
	f.domain.mu.Lock()
	defer f.domain.mu.Unlock()
	return made - f.domain.tally.total
}

// figures are what a scenario brought.
type figures struct {
	scenario, output string
	goodput          float64 // lines stored once, of the capacity
	jain             float64 // of what each node stored beside its max-min fair share
	useless          float64 // of the requests
	twice            float64 // lines stored again, of those stored
	drain            float64 // time to drain, of the ideal; 0 where there is nothing to drain
	p99              float64 // s
	conns, sts       int
	history          []float64 // goodput of each step
	took             time.Duration
}

// run runs a scenario to its end, in the time that time.Now tells.
func (s scenario) run(set settings, which int) (r figures, err error) {
	o := outputs[which]
	f, err := s.start(set, o.open, o.width)
	if err != nil {
		return r, err
	}
	defer func() {
		for _, a := range f.agents {
			a.stop()
		}
		time.Sleep(10 * time.Minute) // until all that waits has seen it
	}()
	if s.happen != nil {
		go s.happen(f)
	}
	r = figures{scenario: s.name, output: o.name}
	f.at(s.from)
	if s.drain > 0 {
		f.at(s.drain)
	}
	before := f.domain.mark()
	offered := make([]float64, len(f.agents))
	for i, a := range f.agents {
		a.mu.Lock()
		offered[i] = -a.made
		if s.drain > 0 { // what waits is to be delivered too
			offered[i] = -before.lines[i]
		}
		a.mu.Unlock()
	}
	if s.drain > 0 {
		r.drain = f.measureDrain(s)
	} else {
		f.at(s.length)
	}
	after := f.domain.mark()
	d := f.domain
	share := make([]float64, len(f.agents))
	for i, a := range f.agents {
		a.mu.Lock()
		offered[i] += a.made
		a.mu.Unlock()
	}
	for i, fair := range fairShares(offered, d.capacity*after.at.Sub(before.at).Seconds()) {
		share[i] = (after.lines[i] - before.lines[i]) / fair
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	r.goodput = (after.total - before.total) / after.at.Sub(before.at).Seconds() / d.capacity
	r.jain = jain(share)
	r.useless = float64(after.useless-before.useless) / max(1,
		float64(after.requests-before.requests))
	r.twice = (after.twice - before.twice) / max(1, after.total-before.total)
	r.p99 = quantile(d.tally.lags[before.lags:], 0.99)
	r.conns, r.sts = d.tally.peakConns, d.tally.sts
	for _, lines := range d.tally.history {
		r.history = append(r.history, lines/step.Seconds()/d.capacity)
	}
	return r, nil
}

// measureDrain waits until no more waits than before an outage, or the scenario's end, and returns
// how long that took beside the ideal: at the whole capacity from the first moment.
func (f *fleet) measureDrain(s scenario) float64 {
	began := time.Now()
	backlog := f.waiting()
	usual := 0.0
	for _, a := range f.agents {
		usual += 3 * a.lines // what is always under way
	}
	ideal := (backlog - usual) / (f.domain.capacity * (1 - s.load))
	for f.waiting() > usual && time.Since(f.began) < s.length {
		time.Sleep(time.Second)
	}
	return time.Since(began).Seconds() / ideal
}
