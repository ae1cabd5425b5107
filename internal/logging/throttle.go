package logging

import (
	"fmt"
	"sync"
	"time"
)

const (
	// repeatEvery is how often an error that goes on is written again, so that somebody who opens
	// the log late still finds it.
	repeatEvery = 5 * time.Minute
	// maxThrottled bounds how many errors are kept apart. Past it a new one is not written: keys
	// may be made of records' values.
	maxThrottled = 256
)

// Throttle keeps an error that repeats from filling the log: its first occurrence is written, the
// next ones are counted, a reminder is written every five minutes, and its end is written with how
// long it took. Errors are kept apart by a key, which prints as the error's name. It is safe for
// concurrent use.
type Throttle[K interface {
	comparable
	fmt.Stringer
}] struct {
	log *Logger

	mu     sync.Mutex // guards the rest
	errors map[K]*repeated
}

type repeated struct {
	since, written time.Time
	count          int
}

// NewThrottle returns an empty Throttle that writes to log.
func NewThrottle[K interface {
	comparable
	fmt.Stringer
}](log *Logger) *Throttle[K] {
	return &Throttle[K]{log: log, errors: make(map[K]*repeated)}
}

// Failed counts an error. line makes what to write about it, and is called only if it is written;
// Failed returns whether it was.
func (t *Throttle[K]) Failed(key K, line func() string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	now := time.Now()
	e := t.errors[key]
	if e == nil {
		if len(t.errors) >= maxThrottled {
			return false
		}
		t.errors[key] = &repeated{since: now, written: now, count: 1}
		t.log.Errorf("%s", line())
		return true
	}
	e.count++
	if now.Sub(e.written) < repeatEvery {
		return false
	}
	e.written = now
	t.log.Errorf("%s (%d times in %s)", line(), e.count, now.Sub(e.since).Round(time.Second))
	return true
}

// Recovered tells that the errors which over accepts have ended. It writes one line about each:
// what, such as "delivery", has recovered.
func (t *Throttle[K]) Recovered(what string, over func(K) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for key, e := range t.errors {
		if over(key) {
			t.log.Infof("%s recovered, after %s and %d failed attempts (%s)", what,
				time.Since(e.since).Round(100*time.Millisecond), e.count, key)
			delete(t.errors, key)
		}
	}
}

// Failing tells whether the error of that key goes on.
func (t *Throttle[K]) Failing(key K) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.errors[key] != nil
}

// Any tells whether any error goes on.
func (t *Throttle[K]) Any() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.errors) > 0
}
