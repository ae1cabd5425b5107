package deliver

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestLimiterHalvesOnceARoundAndGrowsByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		var began []time.Time
		for range 8 {
			if !l.free() {
				t.Fatal("no place")
			}
			began = append(began, l.begin())
		}
		time.Sleep(time.Second)
		for _, at := range began {
			l.end(at, true)
		}
		if l.limit != 4 {
			t.Fatalf("the bound is %v after a round of 8 refused requests, want 4", l.limit)
		}
		for range 4 + 5 { // a round at 4 and most of one at 5
			at := l.begin()
			time.Sleep(time.Millisecond)
			l.end(at, false)
		}
		if int(l.limit) != 5 {
			t.Fatalf("the bound is %v after accepted requests, want 5", l.limit)
		}
		for range 10 {
			at := l.begin()
			time.Sleep(time.Millisecond)
			l.end(at, true)
		}
		if l.limit != 1 {
			t.Fatalf("the bound is %v, want 1 and never less", l.limit)
		}
		l.begin()
		if l.free() {
			t.Fatal("a place was given over the bound")
		}
	})
}
