package deliver

import (
	"math/rand/v2"
	"time"
)

// limiter bounds how many requests of an instance are under way. The bound follows what the domain
// bears: it grows while requests are accepted, and falls by the share of a request that is refused
// for load, to half where that is all of it (AIMD, as TCP shares a link). A request that times out
// counts as refused. It begins with one, and grows by one with each request until the first is
// refused, so that a thousand agents that start at once do not bring a thousand times the top.
//
// One request under way on each of a thousand nodes may already be too many. So the bound falls
// below one: it is a pace then, with a pause between one request and the next. What comes meanwhile
// gathers for that. The constants are those that test/tools/fleet showed to do well. The committer
// guards it.
type limiter struct {
	limit    float64
	inFlight int
	refused  bool      // a request was, since the start
	lowered  time.Time // when the bound was
	ended    time.Time // when a request ended last
	next     time.Time // when the next request may go
}

const (
	// limiterTop is the largest number of requests under way, limiterLeast the slowest pace: a
	// pause of a quarter of a minute.
	limiterTop   = 32
	limiterLeast = 1.0 / 32
	// paceUnit is the pause at a bound of a half; at a third it is two, at a quarter three of them.
	paceUnit = 500 * time.Millisecond
	// paceGrowth is what a second adds to a bound below one, and limiterGrowth the part of itself
	// that it adds to a larger one. It is by time, not by requests: else those who make many grow
	// fastest.
	paceGrowth    = 0.02
	limiterGrowth = 0.1
	// longestGap is how much of the time without a request counts.
	longestGap = 5 * time.Second
)

func newLimiter() limiter { return limiter{limit: 1} }

// places is how many requests may be under way.
func (l *limiter) places() int { return max(1, int(l.limit)) }

// pause is how long the next request has to wait for its turn where there is a place for it.
func (l *limiter) pause(now time.Time) time.Duration { return l.next.Sub(now) }

// begin counts a request, and returns when it began, for end.
func (l *limiter) begin() time.Time {
	l.inFlight++
	return time.Now()
}

// end tells that a request has ended, and the share of it that the domain refused because it had
// too much to do. Requests that set out before the bound was lowered tell nothing new, so they do
// not lower it again.
func (l *limiter) end(began time.Time, refused float64) {
	now := time.Now()
	switch {
	case refused > 0:
		if began.After(l.lowered) {
			l.limit = max(limiterLeast, min(l.limit, float64(l.inFlight))*(1-refused/2))
			l.lowered, l.refused = now, true
		}
	case !l.refused:
		l.limit = min(limiterTop, l.limit+1)
	default:
		gap := min(longestGap, now.Sub(l.ended)).Seconds()
		l.limit = min(limiterTop, l.limit+gap*max(paceGrowth, limiterGrowth*float64(int(l.limit))))
	}
	l.inFlight--
	l.ended = now
	if l.limit < 1 {
		pause := time.Duration((1/l.limit - 1) * float64(paceUnit))
		l.next = now.Add(pause/2 + rand.N(pause+1)) // so that nodes do not come together
	}
}
