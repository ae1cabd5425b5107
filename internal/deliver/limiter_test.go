package deliver

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

func TestLimiterHalvesOnceARoundAndGrowsByOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		var since []time.Time
		for range 8 {
			at, err := l.acquire(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			since = append(since, at)
		}
		time.Sleep(time.Second)
		for _, at := range since {
			l.release(at, true)
		}
		if l.bound() != 4 {
			t.Fatalf("the bound is %d after a round of 8 refused requests, want 4", l.bound())
		}
		for range 4 + 5 { // a round at 4 and most of one at 5
			at, _ := l.acquire(t.Context())
			time.Sleep(time.Millisecond)
			l.release(at, false)
		}
		if l.bound() != 5 {
			t.Fatalf("the bound is %d after accepted requests, want 5", l.bound())
		}
		for range 10 {
			at, _ := l.acquire(t.Context())
			time.Sleep(time.Millisecond)
			l.release(at, true)
		}
		if l.bound() != 1 {
			t.Fatalf("the bound is %d, want 1 and never less", l.bound())
		}
	})
}

func TestLimiterMakesOthersWaitInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLimiter()
		l.limit = 1
		at, _ := l.acquire(t.Context())
		order := make(chan int, 3)
		for i := range 3 {
			go func() {
				time.Sleep(time.Duration(i) * time.Millisecond)
				at, err := l.acquire(t.Context())
				if err != nil {
					t.Error(err)
				}
				order <- i
				l.release(at, true)
			}()
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		time.Sleep(10 * time.Millisecond)
		if _, err := l.acquire(ctx); err == nil {
			t.Fatal("a place was given over the bound")
		}
		l.release(at, true)
		for want := range 3 {
			if got := <-order; got != want {
				t.Fatalf("waiter %d came before %d", got, want)
			}
		}
	})
}
