// Package fleet runs a thousand nodes of the real internal/deliver in virtual time against a model
// of one domain, and the built-in output's policy against the same. Its input is a scenario; its
// output is figures for people: how much of the domain's capacity is used, how evenly, and how long
// it takes to catch up after an outage. It opens no socket.
package fleet

import (
	"sync"
	"time"
)

const (
	dataNodes = 10
	// requestLines is what a request costs by itself, in lines: 3 ms where a line costs 0.1
	// (OpenSearch 2.19.4: 102 µs a document by 5,000, 395 by 10).
	requestLines = 30
	// queueShare is how many parts of requests wait for a data node, of the number of agents.
	// OpenSearch's default is 10,000; it is less here, so that one request of each agent is too
	// many.
	queueShare = 0.4
	// pressure is how much work, in seconds of the whole domain, is taken before requests are
	// refused whole: the limit on the memory of what is being indexed.
	pressure = 3.0
	// refusedShare is what a refused part costs beside one that is stored: it was received and
	// parsed.
	refusedShare = 0.1
)

// domain is the model: a throttle in front, ten data nodes that work through their queues.
type domain struct {
	capacity  float64 // lines a second, in large requests
	queueSize int

	mu    sync.Mutex // guards the rest
	nodes [dataNodes]dataNode
	// throttle is a bucket that fills at rate requests a second, up to a second's worth.
	rate, tokens float64
	filled       time.Time
	down         bool // connections are refused
	failing      bool // all is answered with 503
	tally        tally
}

type dataNode struct {
	speed float64 // 1 as a rule; 0 if it is away
	free  time.Time
	queue []time.Time // when each part that waits or is worked on will be done
}

func newDomain(capacity, rate float64, agents int, every time.Duration) *domain {
	d := &domain{capacity: capacity, queueSize: int(queueShare * float64(agents)), rate: rate,
		tokens: rate, filled: time.Now()}
	for i := range d.nodes {
		d.nodes[i].speed = 1
	}
	d.tally.init(agents, every)
	return d
}

// record is what a document says of itself: it stands for many lines.
type record struct {
	agent, chunk, part int
	lines              float64
	written            time.Time
}

type status int

const (
	stored      status = 201
	throttled   status = 429
	unavailable status = 503
)

// bulk takes a request whose records stand for a number of requests of a real node, and returns
// when it is done. A status of the whole request is not 0 if nothing of it was taken.
func (d *domain) bulk(records []record, requests float64) (whole status, items []status) {
	d.mu.Lock()
	now := time.Now()
	d.tally.requests++
	if d.failing {
		d.tally.useless++
		d.mu.Unlock()
		return unavailable, nil
	}
	d.tokens = min(d.rate, d.tokens+now.Sub(d.filled).Seconds()*d.rate)
	d.filled = now
	if d.tokens < 1 {
		d.tally.useless++
		d.mu.Unlock()
		return throttled, nil
	}
	d.tokens--
	var lines [dataNodes]float64
	for _, r := range records {
		lines[r.part%dataNodes] += r.lines
	}
	if d.outstanding(now) > pressure {
		for n := range d.nodes {
			d.work(n, now, lines[n]*refusedShare)
		}
		d.tally.useless++
		d.mu.Unlock()
		return throttled, nil
	}
	done := now
	var took [dataNodes]bool
	for n := range d.nodes {
		switch {
		case lines[n] == 0:
		case d.nodes[n].waiting(now) >= d.queueSize || d.nodes[n].speed == 0:
			d.work(n, now, lines[n]*refusedShare)
		default:
			took[n] = true
			end := d.work(n, now, lines[n]+requests*requestLines/dataNodes)
			d.nodes[n].queue = append(d.nodes[n].queue, end)
			if end.After(done) {
				done = end
			}
		}
	}
	d.mu.Unlock()

	time.Sleep(done.Sub(now) + time.Millisecond)

	d.mu.Lock()
	defer d.mu.Unlock()
	news := false
	items = make([]status, len(records))
	for i, r := range records {
		items[i] = throttled
		if took[r.part%dataNodes] {
			items[i] = stored
			news = d.tally.store(r) || news
		}
	}
	if !news {
		d.tally.useless++
	}
	return 0, items
}

// work gives a data node work of so many lines, and returns when that is done. A node that is away
// has none.
func (d *domain) work(n int, now time.Time, lines float64) time.Time {
	node := &d.nodes[n]
	if node.free.Before(now) {
		node.free = now
	}
	if node.speed > 0 {
		node.free = node.free.Add(time.Duration(lines / (d.capacity / dataNodes * node.speed) * float64(time.Second)))
	}
	return node.free
}

// waiting is how many parts are in the node's queue.
func (n *dataNode) waiting(now time.Time) int {
	gone := 0
	for gone < len(n.queue) && !n.queue[gone].After(now) {
		gone++
	}
	n.queue = n.queue[gone:]
	return len(n.queue)
}

// outstanding is the work in all queues, in seconds of the domain.
func (d *domain) outstanding(now time.Time) (seconds float64) {
	for i := range d.nodes {
		if wait := d.nodes[i].free.Sub(now).Seconds(); wait > 0 {
			seconds += wait / dataNodes
		}
	}
	return seconds
}

func (d *domain) set(change func(d *domain)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	change(d)
}

func (d *domain) isDown() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.down
}
