package deliver

import "time"

// crowd estimates how many flushes come side by side: the most that were under way at once lately. It
// is 1 without Workers, and nobody waits for others then.
type crowd struct {
	now         int // flushes under way
	peak, last  int // the most of them, in this window and in the one before
	windowBegan time.Time
}

// crowdWindow is how long a peak counts: a few times the service's Flush interval, at which chunks come.
const crowdWindow = 5 * time.Second

func (c *crowd) enter(now time.Time) {
	c.roll(now)
	c.now++
	c.peak = max(c.peak, c.now)
}

func (c *crowd) leave() { c.now-- }

// expected is how many pieces to wait for.
func (c *crowd) expected(now time.Time) int {
	c.roll(now)
	return max(c.peak, c.last)
}

func (c *crowd) roll(now time.Time) {
	switch since := now.Sub(c.windowBegan); {
	case since < crowdWindow:
	case since < 2*crowdWindow:
		c.last, c.peak, c.windowBegan = c.peak, c.now, now
	default:
		c.last, c.peak, c.windowBegan = c.now, c.now, now
	}
}
