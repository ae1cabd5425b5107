package deliver

import (
	"testing"
	"testing/synctest"
	"time"
)

// requests has n requests of a second made one after the other, each refused to a share.
func requests(l *limiter, n int, refused float64) {
	for range n {
		time.Sleep(max(0, l.pause(time.Now())))
		at := l.begin()
		time.Sleep(time.Second)
		l.end(at, refused)
	}
}

func TestLimiterBeginsWithOneAndGrowsUntilOneIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		for _, want := range []int{1, 2, 3, 4} {
			if l.places() != want {
				t.Fatalf("%d places, want %d", l.places(), want)
			}
			requests(&l, 1, 0)
		}
		requests(&l, 100, 0)
		if l.places() != limiterTop {
			t.Fatalf("%d places, want the top", l.places())
		}
	})
}

func TestLimiterHalvesOnceARound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		requests(&l, 7, 0)
		var began []time.Time
		for range 8 {
			began = append(began, l.begin())
		}
		time.Sleep(time.Second)
		for _, at := range began {
			l.end(at, 1)
		}
		if l.limit != 4 {
			t.Fatalf("the bound is %v after a round of 8 refused requests, want 4", l.limit)
		}
		requests(&l, 1, 0)
		if l.limit <= 4 || l.limit > 5 {
			t.Fatalf("the bound is %v after an accepted request, want a little more than 4",
				l.limit)
		}
	})
}

func TestLimiterFallsByTheShareThatWasRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		requests(&l, 1, 0.1)
		if l.limit != 0.95 {
			t.Fatalf("the bound is %v after a tenth was refused, want 0.95", l.limit)
		}
	})
}

func TestLimiterPaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		requests(&l, 2, 1) // a quarter: three units, more or less
		if l.places() != 1 {
			t.Fatalf("%d places", l.places())
		}
		if p := l.pause(time.Now()); p < 3*paceUnit/2 || p > 9*paceUnit/2 {
			t.Fatalf("a pause of %s", p)
		}
		requests(&l, 20, 1)
		if p := l.pause(time.Now()); p < 7*time.Second || p > 25*time.Second {
			t.Fatalf("a pause of %s at the slowest pace", p)
		}
		began := time.Now()
		for l.limit < 1 {
			requests(&l, 1, 0)
		}
		if took := time.Since(began); took > 5*time.Minute {
			t.Fatalf("%s until it is at one again", took)
		}
		if l.pause(time.Now()) > 0 {
			t.Fatal("a pause at one")
		}
	})
}

// Nodes of different paces grow alike, or the one that makes most requests would have all in the
// end.
func TestLimiterGrowsByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		grown := func(each time.Duration) float64 {
			l := limiter{limit: 0.2, refused: true, ended: time.Now()}
			for began := time.Now(); time.Since(began) < 8*time.Second; {
				at := l.begin()
				time.Sleep(each)
				l.end(at, 0)
			}
			return l.limit
		}
		if few, many := grown(4*time.Second), grown(time.Second/4); few != many &&
			(few-many > 0.001 || many-few > 0.001) {
			t.Fatalf("%v by few requests, %v by many", few, many)
		}
	})
}
