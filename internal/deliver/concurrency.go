package deliver

import "time"

// concurrency estimates how many flushes come side by side: the most that were under way at once
// lately. It is 1 without Workers, and nobody waits for others then.
type concurrency struct {
	now         int // flushes under way
	peak, last  int // the most of them, in this window and in the one before
	windowBegan time.Time
}

// peakWindow is how long a peak counts: a few times the service's Flush interval, at which chunks
// come.
const peakWindow = 5 * time.Second

func (c *concurrency) enter(now time.Time) {
	c.roll(now)
	c.now++
	c.peak = max(c.peak, c.now)
}

func (c *concurrency) leave() { c.now-- }

// expected is how many pieces to wait for.
func (c *concurrency) expected(now time.Time) int {
	c.roll(now)
	return max(c.peak, c.last)
}

func (c *concurrency) roll(now time.Time) {
	switch since := now.Sub(c.windowBegan); {
	case since < peakWindow:
	case since < 2*peakWindow:
		c.last, c.peak, c.windowBegan = c.peak, c.now, now
	default:
		c.last, c.peak, c.windowBegan = c.now, c.now, now
	}
}
