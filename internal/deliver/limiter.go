package deliver

import (
	"context"
	"sync"
	"time"
)

// limiter bounds how many requests of an instance are under way, over all its workers. The bound follows what the domain
// bears: one more after a whole round of accepted requests, half of it when one is refused for load or times out (AIMD, as TCP
// shares a link). It starts at the top, since Workers bounds it from outside.
type limiter struct {
	mu       sync.Mutex // guards the rest
	limit    float64
	inFlight int
	waiters  []chan struct{}
	lowered  time.Time
}

// limiterTop is the largest number of requests under way: more than the workers that anybody gives one output.
const limiterTop = 32

func newLimiter() *limiter { return &limiter{limit: limiterTop} }

// acquire waits for a place, in order of arrival, until ctx ends. It returns when the place was got, for release.
func (l *limiter) acquire(ctx context.Context) (time.Time, error) {
	l.mu.Lock()
	if len(l.waiters) == 0 && l.inFlight < int(l.limit) {
		l.inFlight++
		l.mu.Unlock()
		return time.Now(), nil
	}
	place := make(chan struct{})
	l.waiters = append(l.waiters, place)
	l.mu.Unlock()
	select {
	case <-place:
		return time.Now(), nil
	case <-ctx.Done():
		l.mu.Lock()
		defer l.mu.Unlock()
		for i, w := range l.waiters {
			if w == place {
				l.waiters = append(l.waiters[:i], l.waiters[i+1:]...)
				return time.Time{}, ctx.Err()
			}
		}
		l.inFlight-- // the place came just now: pass it on
		l.admit()
		return time.Time{}, ctx.Err()
	}
}

// release gives the place back. loaded tells that the domain showed it had too much to do. Requests that set out before the
// bound was lowered tell nothing new, so they do not lower it again.
func (l *limiter) release(since time.Time, loaded bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case !loaded:
		l.limit = min(limiterTop, l.limit+1/l.limit)
	case since.After(l.lowered):
		l.limit = max(1, min(l.limit, float64(l.inFlight))/2)
		l.lowered = time.Now()
	}
	l.inFlight--
	l.admit()
}

func (l *limiter) admit() {
	for len(l.waiters) > 0 && l.inFlight < int(l.limit) {
		l.inFlight++
		close(l.waiters[0])
		l.waiters = l.waiters[1:]
	}
}

// bound returns the number of requests that may be under way now.
func (l *limiter) bound() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return int(l.limit)
}

// underWay returns the number of requests under way now.
func (l *limiter) underWay() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.inFlight
}
