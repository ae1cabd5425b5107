package deliver

import (
	"sync"
	"time"
)

// breaker is the circuit breaker of an instance. It opens when a flush has used its Retry_Budget
// and no flush settled a record meanwhile, and closes with the first record that the domain takes.
// While it is open, one flush at a time is let through as the half-open probe, and the others go
// back to Fluent Bit at once with RETRY.
//
// Waiting in each flush would do harm: a chunk that is queued for a worker stays in memory, where
// the core keeps no more than storage.max_chunks_up, and then the chunks of another output, whose
// domain is reachable, are not brought up; and at exit the core waits for every chunk that is
// queued.
type breaker struct {
	mu       sync.Mutex // guards the rest
	open     bool
	probing  bool      // a probe is under way
	failures int       // flushes that failed since the breaker opened
	next     time.Time // when to probe again
	success  time.Time // when a record was settled last
}

// admit tells whether a flush may send, and whether it is the probe; a probe calls leave at its
// end.
func (b *breaker) admit() (probe, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.open {
		return false, true
	}
	if b.probing || time.Now().Before(b.next) {
		return false, false
	}
	b.probing = true
	return true, true
}

func (b *breaker) leave() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.probing = false
}

// recordSuccess tells that the domain settled a record.
func (b *breaker) recordSuccess() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open, b.failures, b.success = false, 0, time.Now()
}

// recordFailure tells that a flush which began then could not deliver, and how long the domain
// asked to be left alone.
func (b *breaker) recordFailure(began time.Time, retryAfter time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.success.After(began) {
		return
	}
	b.open = true
	b.failures++
	b.next = time.Now().Add(retryAfter + jitter(b.failures))
}

// isOpen tells whether the breaker is open.
func (b *breaker) isOpen() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}

// succeededSince tells whether the domain settled a record after t.
func (b *breaker) succeededSince(t time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.success.After(t)
}
