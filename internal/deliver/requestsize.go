package deliver

import (
	"sync"
	"time"
)

const (
	// minRequestSize is the least that the size of requests shrinks to, in bytes. Nothing that
	// stands before a domain has a lower limit on purpose.
	minRequestSize = 64 << 10
	// growEvery is how long a size has to do before a larger one is tried, by a quarter: a limit
	// that was raised is found within hours, and one that was not costs a refused request each
	// time.
	growEvery = 10 * time.Minute
)

// requestSize is the largest body that is sent, before compression: Max_Request_Size, or less since
// the domain refused a request of that size.
type requestSize struct {
	mu      sync.Mutex // guards the rest
	max     int
	current int
	changed time.Time
}

func newRequestSize(max int) *requestSize { return &requestSize{max: max, current: max} }

// limit returns the size for the next request.
func (s *requestSize) limit() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.current < s.max && time.Since(s.changed) >= growEvery {
		s.current, s.changed = min(s.max, s.current+s.current/4), time.Now()
	}
	return s.current
}

// refused tells that a body of size bytes was too large. It returns the new limit, and whether that
// is lower than before.
func (s *requestSize) refused(size int) (int, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	half := max(size/2, minRequestSize)
	if half >= s.current {
		return s.current, false
	}
	s.current, s.changed = half, time.Now()
	return half, true
}
