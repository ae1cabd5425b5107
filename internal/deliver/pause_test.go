package deliver

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestRetryAfterIsKept has the domain ask for half a minute, once: in an answer to the whole
// request, and in one with items.
func TestRetryAfterIsKept(t *testing.T) {
	for _, items := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
				if len(d.seen) > 1 {
					return false
				}
				w.Header().Set("Retry-After", "30")
				if !items {
					return refuseWith(w, 503, "")
				}
				_, _ = fmt.Fprint(w, answerAll(string(body), 429, "rejected_execution_exception"))
				return true
			}
			out, log := start(t, d.domain, "Retry_Budget 1m", "Compress none")
			if !out.Flush("t", chunkOf(5, false, "x")) || len(d.seen) != 2 {
				t.Fatalf("%v\n%s", d.seen, log)
			}
			if pause := d.seen[1]; pause < 30*time.Second || pause > 38*time.Second {
				t.Fatalf("items %v: sent again after %s", items, pause)
			}
		})
	}
}

// TestRetryAfterBeyondTheBudget is kept by the instance: the flush ends at once, and nobody asks
// before.
func TestRetryAfterBeyondTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
			w.Header().Set("Retry-After", "60")
			return len(d.seen) < 2 && refuseWith(w, 503, "")
		}
		out, log := start(t, d.domain, "Retry_Budget 10s")
		chunk := chunkOf(5, false, "x")
		if out.Flush("t", chunk) || time.Since(d.began) != 0 {
			t.Fatalf("the flush waited for %s\n%s", time.Since(d.began), log)
		}
		for !out.Flush("t", chunk) {
			if time.Sleep(time.Second); time.Since(d.began) > 2*time.Minute {
				t.Fatalf("not settled\n%s", log)
			}
		}
		if again := d.seen[1]; again < time.Minute || again > time.Minute+maxBackoff+time.Second {
			t.Fatalf("asked again after %s", again)
		}
	})
}

// TestLongestRetryAfterOfARoundCounts has a chunk in several requests, of which one asks for a
// pause.
func TestLongestRetryAfterOfARoundCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
			switch len(d.seen) {
			case 1:
				w.Header().Set("Retry-After", "20")
			case 2:
			default:
				return false
			}
			_, _ = fmt.Fprint(w, answerAll(string(body), 429, "rejected_execution_exception"))
			return true
		}
		out, log := start(t, d.domain, "Retry_Budget 1m", "Compress none", "Max_Request_Size 64K")
		if !out.Flush("t", chunkOf(700, false, "x")) {
			t.Fatalf("%v\n%s", d.seen, log)
		}
		if again := d.seen[2]; d.seen[1] > 2*time.Second || again < 20*time.Second {
			t.Fatalf("requests at %v", d.seen)
		}
	})
}

// TestBackoffGrowsUntilTheBudgetIsUsedUp has a domain that is unavailable: pauses are within their
// bounds, those of the backoff and of the limiter's pace, and the last backoff does not pass the
// budget.
func TestBackoffGrowsUntilTheBudgetIsUsedUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.answer = func(w http.ResponseWriter, _ *http.Request,
			_ []byte) bool {
			return refuseWith(w, 503, "")
		}
		out, _ := start(t, d.domain, "Retry_Budget 30s")
		if out.Flush("t", chunkOf(5, false, "x")) {
			t.Fatal("settled")
		}
		const slowest = time.Duration(1.5 * (1/limiterLeast - 1) * float64(paceUnit))
		if took := time.Since(d.began); took > 30*time.Second+slowest ||
			took < 30*time.Second-2*maxBackoff {
			t.Fatalf("took %s", took)
		}
		for n, at := range d.seen[1:] {
			if pause := at - d.seen[n]; pause >= min(maxBackoff, backoffStep<<(n+1))+slowest {
				t.Fatalf("pause %d is %s", n+1, pause)
			}
		}
		if len(d.seen) < 3 || len(d.seen) > 60 {
			t.Fatalf("%d requests", len(d.seen))
		}
		if out.counts.SentAgain.Get() != uint64(5*(len(d.seen)-1)) {
			t.Fatalf("%d documents are counted as sent again", out.counts.SentAgain.Get())
		}
		// What comes now is the breaker's probe: one request.
		time.Sleep(maxBackoff)
		before := len(d.seen)
		if out.Flush("t", chunkOf(5, false, "x")) || len(d.seen) != before+1 {
			t.Fatalf("%d requests of a probe", len(d.seen)-before)
		}
	})
}

// TestWhatCountsAsOverload tells which answers lower the bound on requests under way.
func TestWhatCountsAsOverload(t *testing.T) {
	for name, c := range map[string]struct {
		lowers bool
		answer func(w http.ResponseWriter, r *http.Request, body []byte) bool
	}{
		"no answer": {true, func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
			<-r.Context().Done()
			return true
		}},
		"503": {true, func(w http.ResponseWriter, _ *http.Request, _ []byte) bool { return refuseWith(w, 503, "") }},
		"429": {true, func(w http.ResponseWriter, _ *http.Request, _ []byte) bool { return refuseWith(w, 429, "") }},
		"items": {true, func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
			text := answerAll(string(body), 429, "rejected_execution_exception")
			_, _ = fmt.Fprint(w, strings.Replace(text, `"status":429`, `"status":201`, 1)) // not the first one
			return true
		}},
		"403": {false, func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
			return refuseWith(w, 403, "security_exception")
		}},
		"mapping": {false, func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
			_, _ = fmt.Fprint(w, answerAll(string(body), 403, "cluster_block_exception"))
			return true
		}},
		"none": {false, nil},
	} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			d.answer = c.answer
			out, log := start(t, d.domain, "Compress none", "Request_Timeout 1s", "Retry_Budget 0s")
			out.Flush("t", chunkOf(5, false, "x"))
			if lowered := out.committer.limit() < 1; lowered != c.lowers ||
				out.committer.inFlight() != 0 {
				t.Errorf("%s: at most %v requests, %d under way\n%s", name, out.committer.limit(),
					out.committer.inFlight(), log)
			}
		})
	}
}

// TestTraceError is about the lines of Trace_Error: one for each item that is not delivered, with
// what the server said about it.
func TestTraceError(t *testing.T) {
	for option, want := range map[string]int{"On": 2, "Off": 0} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			d.judge = reject
			out, log := start(t, d.domain, "Trace_Error "+option)
			if !out.Flush("kube.a", chunkOf(20, false, "x")) {
				t.Fatalf("not settled\n%s", log)
			}
			if log.count("of tag kube.a: 400 mapper_parsing_exception: because") != want ||
				log.count("the answer to item") != want {
				t.Fatalf("Trace_Error %s:\n%s", option, log)
			}
		})
	}
}

// TestCloseWritesAboutRejections has records rejected twice within half a minute: the second line
// is due later, and Close does not lose it.
func TestCloseWritesAboutRejections(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.judge = reject
		out, log := start(t, d.domain)
		for _, text := range []string{"a", "b", "c"} {
			if !out.Flush("t", chunkOf(20, false, text)) {
				t.Fatalf("not settled\n%s", log)
			}
		}
		out.Close()
		if log.count(`2 records for index "eks-log" are in the dead letters`) != 1 ||
			log.count(`4 records for index "eks-log" are in the dead letters`) != 1 {
			t.Fatalf("%s", log)
		}
		if log.count("ended: ") != 1 {
			t.Fatalf("%s", log)
		}
	})
}

// TestEndOfAnInstanceIsNoError closes one with a flush under way: the domain is not to blame.
func TestEndOfAnInstanceIsNoError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.answer = func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
			<-r.Context().Done()
			return true
		}
		out, log := start(t, d.domain, "Retry_Budget 1m")
		settled := make(chan bool)
		go func() { settled <- out.Flush("t", chunkOf(10, false, "x")) }()
		synctest.Wait()
		out.Close()
		if <-settled || time.Since(d.began) != 0 || log.count("error ") != 0 || len(d.seen) != 1 {
			t.Fatalf("after %s and %d requests\n%s", time.Since(d.began), len(d.seen), log)
		}
	})
}

// TestDuplicatesAreCounted has a chunk come twice that is stored already.
func TestDuplicatesAreCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		out, log := start(t, d.domain)
		for range 2 {
			if !out.Flush("t", chunkOf(5, false, "x")) {
				t.Fatalf("not settled\n%s", log)
			}
		}
		if stored, duplicates := out.counts.Stored.Get(),
			out.counts.Duplicates.Get(); stored != 5 || duplicates != 5 {
			t.Fatalf("%d stored, %d duplicates", stored, duplicates)
		}
	})
}
