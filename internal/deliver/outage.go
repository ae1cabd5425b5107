package deliver

import (
	"sync"
	"time"
)

// outage is the time in which a domain takes nothing: it begins when a flush has used its Retry_Budget and no flush settled a
// record meanwhile, and ends with the first record that is settled. While it lasts, one flush at a time asks the domain, once, and
// the others go back to Fluent Bit at once with RETRY.
//
// Waiting in each flush would do harm: a chunk that is queued for a worker stays in memory, where the core keeps no more than
// storage.max_chunks_up, and then the chunks of another output, whose domain works, are not brought up; and at exit the core waits
// for every chunk that is queued.
type outage struct {
	mu       sync.Mutex // guards the rest
	on       bool
	asking   bool      // a flush asks the domain now
	failures int       // flushes that failed since the outage began
	next     time.Time // when to ask again
	settled  time.Time // when a record was settled last
}

// admit tells whether a flush may send, and whether it is the one that asks during an outage; that one calls leave at its end.
func (o *outage) admit() (asks, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.on {
		return false, true
	}
	if o.asking || time.Now().Before(o.next) {
		return false, false
	}
	o.asking = true
	return true, true
}

func (o *outage) leave() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.asking = false
}

// took tells that the domain settled a record.
func (o *outage) took() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.on, o.failures, o.settled = false, 0, time.Now()
}

// failed tells that a flush which began then could not deliver, and how long the domain asked to be left alone.
func (o *outage) failed(began time.Time, retryAfter time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.settled.After(began) {
		return
	}
	o.on = true
	o.failures++
	o.next = time.Now().Add(max(retryAfter, jitter(o.failures)))
}

// lasts tells whether there is an outage.
func (o *outage) lasts() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.on
}
