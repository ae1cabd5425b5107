package deliver

import "time"

// limiter bounds how many requests of an instance are under way. The bound follows what the domain
// bears: one more after a whole round of accepted requests, half of it when one is refused for load or
// times out (AIMD, as TCP shares a link). It starts at the top, since Workers bounds it from outside.
// The committer guards it.
type limiter struct {
	limit    float64
	inFlight int
	lowered  time.Time
}

// limiterTop is the largest number of requests under way.
const limiterTop = 32

func newLimiter() limiter { return limiter{limit: limiterTop} }

// free tells whether one more request may go.
func (l *limiter) free() bool { return l.inFlight < int(l.limit) }

// begin counts a request, and returns when it began, for end.
func (l *limiter) begin() time.Time {
	l.inFlight++
	return time.Now()
}

// end tells that a request has ended. overloaded says that the domain showed it had too much to do.
// Requests that set out before the bound was lowered tell nothing new, so they do not lower it again.
func (l *limiter) end(began time.Time, overloaded bool) {
	switch {
	case !overloaded:
		l.limit = min(limiterTop, l.limit+1/l.limit)
	case began.After(l.lowered):
		l.limit = max(1, min(l.limit, float64(l.inFlight))/2)
		l.lowered = time.Now()
	}
	l.inFlight--
}
