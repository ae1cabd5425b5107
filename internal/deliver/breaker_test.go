package deliver

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

func TestBreakerLetsOneFlushProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o breaker
		admit := func(wantProbe, wantOK bool) {
			t.Helper()
			if probe, ok := o.admit(); probe != wantProbe || ok != wantOK {
				t.Fatalf("probe %v, may send %v", probe, ok)
			}
		}
		admit(false, true)
		o.recordFailure(time.Now(), 3*time.Second)
		time.Sleep(3*time.Second - 1)
		admit(false, false)
		time.Sleep(maxBackoff)
		admit(true, true)
		admit(false, false) // one probes already
		o.recordFailure(time.Now(), 0)
		o.leave()
		time.Sleep(maxBackoff)
		admit(true, true)
		o.recordSuccess()
		o.leave()
		admit(false, true)
	})
}

// TestBreakerProbesLessAndLess wants the pauses between probes to grow to those of maxBackoff's
// jitter, and to begin anew after a success.
func TestBreakerProbesLessAndLess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o breaker
		pauses := func(n int) (sum time.Duration) {
			for range n {
				o.recordFailure(time.Now(), 0)
				pause := time.Until(o.next)
				if pause < 0 || pause >= maxBackoff {
					t.Fatalf("a pause of %s", pause)
				}
				sum += pause
			}
			return sum
		}
		if first := pauses(1); first >= 2*backoffStep {
			t.Fatalf("the first pause is %s", first)
		}
		pauses(10)
		if mean := pauses(200) / 200; mean < maxBackoff/3 || mean > maxBackoff*2/3 {
			t.Fatalf("pauses of %s in the middle", mean)
		}
		o.recordSuccess()
		time.Sleep(time.Second)
		if first := pauses(1); first >= 2*backoffStep {
			t.Fatalf("the first pause after a success is %s", first)
		}
	})
}

func TestBreakerOpensOnlyWhenNothingIsSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var o breaker
		began := time.Now()
		time.Sleep(time.Second)
		o.recordSuccess()
		o.recordFailure(began, 0)
		if o.isOpen() {
			t.Fatal("another flush settled records meanwhile")
		}
		time.Sleep(time.Second)
		o.recordFailure(time.Now(), 0)
		if !o.isOpen() {
			t.Fatal("nothing was settled")
		}
	})
}

// TestFlushesDoNotWaitWhileTheBreakerIsOpen is about the flushes behind the first one, which would
// hold workers and chunks.
func TestFlushesDoNotWaitWhileTheBreakerIsOpen(t *testing.T) {
	d := newDomain(t)
	d.refuse = func(*http.Request, []byte) (int, string) { return 503, "" }
	out, log := start(t, d, "Retry_Budget 200ms")
	chunk := chunkOf(10, false, "x")
	if out.Flush("t", chunk) {
		t.Fatal("settled")
	}
	asked := len(d.requests)
	began := time.Now()
	for range 1000 {
		if out.Flush("t", chunk) {
			t.Fatal("settled")
		}
	}
	if took := time.Since(began); took > 20*time.Second || len(d.requests) > asked+100 {
		t.Fatalf("1000 flushes took %s and %d requests", took, len(d.requests)-asked)
	}
	d.mu.Lock()
	d.refuse = nil
	d.mu.Unlock()
	for deadline := time.Now().Add(2 * maxBackoff); !out.Flush("t", chunk); {
		if time.Now().After(deadline) {
			t.Fatalf("the breaker does not close\n%s", log)
		}
	}
	if d.in("eks-log") != 10 {
		t.Fatalf("%d documents\n%s", d.in("eks-log"), log)
	}
}
