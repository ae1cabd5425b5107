package deliver

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"out_opensearch_irsa/internal/bulk"
)

// slow answers each request after a time, as the domain would.
func slow(d *door, after time.Duration) {
	d.answer = func(http.ResponseWriter, *http.Request, []byte) bool {
		time.Sleep(after)
		return false
	}
}

// TestPiecesGatherBehindASlowRequest has chunks come one after the other while a request is under
// way: they go together, once the first of them has waited for maxGather.
func TestPiecesGatherBehindASlowRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		slow(d, 10*time.Second)
		out, _ := start(t, d.domain, "Linger 0s", "Compress none")
		out.committer.limiter.limit = limiterTop // as after many accepted requests
		var wg sync.WaitGroup
		for i := range 4 { // at 0, 100, 200 and 300 ms
			wg.Go(func() {
				if !out.Flush(fmt.Sprint("t", i), chunkOf(5, false, fmt.Sprint(i))) {
					t.Error("not settled")
				}
			})
			time.Sleep(100 * time.Millisecond)
		}
		wg.Wait()
		if want := []time.Duration{0, 100*time.Millisecond +
			maxGather}; !slices.Equal(d.seen, want) || !slices.Equal(d.lines, []int{5, 15}) {
			t.Fatalf("requests at %v of %v documents, want %v", d.seen, d.lines, want)
		}
	})
}

// TestEndOfARequestTakesWhatGathered has the request under way end before maxGather is over.
func TestEndOfARequestTakesWhatGathered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		slow(d, 200*time.Millisecond)
		out, _ := start(t, d.domain, "Linger 0s", "Compress none")
		var wg sync.WaitGroup
		for i := range 3 { // at 0, 50 and 100 ms
			wg.Go(func() { out.Flush(fmt.Sprint("t", i), chunkOf(5, false, fmt.Sprint(i))) })
			time.Sleep(50 * time.Millisecond)
		}
		wg.Wait()
		if want := []time.Duration{0, 200 * time.Millisecond}; !slices.Equal(d.seen, want) ||
			!slices.Equal(d.lines, []int{5, 10}) {
			t.Fatalf("requests at %v of %v documents, want %v", d.seen, d.lines, want)
		}
	})
}

// TestFullRequestWaitsForNobody has a request's worth come while another request is under way.
func TestFullRequestWaitsForNobody(t *testing.T) {
	for _, options := range [][]string{nil, {"Max_Request_Size 100K"}} { // which is less than fullRequest
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			slow(d, 10*time.Second)
			out, _ := start(t, d.domain, append(options, "Linger 0s", "Compress none")...)
			out.committer.limiter.limit = limiterTop
			var wg sync.WaitGroup
			size := 60 << 10
			if options == nil {
				size = fullRequest / 2
			}
			for i := range 3 {
				wg.Go(func() {
					out.Flush(fmt.Sprint("t", i),
						chunkOf(1, false, strings.Repeat("y", size)))
				})
				synctest.Wait()
			}
			wg.Wait()
			want := map[bool][]int{true: {1, 2}, false: {1, 1, 1}}[options == nil] // two are more than 100K
			if !slices.Equal(d.lines, want) || d.seen[1] != 0 {
				t.Fatalf("%q: requests at %v of %v documents", options, d.seen, d.lines)
			}
		})
	}
}

// TestLingerIsHowLongOthersAreWaitedFor has four chunks come at once, and then only two.
func TestLingerIsHowLongOthersAreWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		slow(d, time.Millisecond) // so that all are under way at once
		out, _ := start(t, d.domain, "Linger 300ms", "Compress none")
		flushAll(out, 4, 5)
		d.requests()
		flushAll(out, 2, 5)
		if lines := slices.Clone(d.lines); !slices.Equal(d.requests(),
			[]time.Duration{300 * time.Millisecond}) || !slices.Equal(lines, []int{10}) {
			t.Fatalf("%v documents", lines)
		}
		time.Sleep(2 * peakWindow) // nobody is expected any more
		flushAll(out, 1, 5)
		if seen := d.requests(); !slices.Equal(seen, []time.Duration{2 * peakWindow}) {
			t.Fatalf("a lone flush was sent at %v", seen)
		}
		if out.committer.concurrency.now != 0 || out.committer.size != 0 {
			t.Fatalf("%d flushes are taken for under way, %d bytes for queued",
				out.committer.concurrency.now, out.committer.size)
		}
	})
}

// TestCloseWaitsForNobody ends an instance while a chunk waits for others.
func TestCloseWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		slow(d, time.Millisecond)
		out, _ := start(t, d.domain, "Linger 1s", "Compress none")
		flushAll(out, 4, 5)
		d.requests()
		settled := make(chan bool)
		go func() { settled <- out.Flush("t", chunkOf(5, false, "x")) }()
		synctest.Wait()
		out.Close()
		if <-settled || time.Since(d.began) != 0 {
			t.Fatalf("it took %s", time.Since(d.began))
		}
	})
}

// TestPieceThatWaitsInVain has the domain bear one request at a time, and not answer it: what is
// queued goes back after Request_Timeout, unsent.
func TestPieceThatWaitsInVain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		d.answer = func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
			<-r.Context().Done()
			return true
		}
		out, log := start(t, d.domain, "Linger 0s", "Compress none", "Request_Timeout 10s")
		out.committer.limiter.limit = 1
		var wg sync.WaitGroup
		unsent := make([]bool, 4)
		for i := range unsent { // to four indices, so in four requests
			wg.Go(func() {
				res := out.committer.send(&piece{index: fmt.Sprint(i), lines: []byte("{}\n{}\n"),
					size: 6, items: 1})
				if unsent[i] = res.unsent; res.unsent != (res.Failure == nil) {
					t.Errorf("unsent %v, but %v", res.unsent, res.Failure)
				}
			})
			synctest.Wait()
			time.Sleep(time.Second)
		}
		wg.Wait()
		synctest.Wait()
		// The second is sent when the first has timed out, at 10 s and a short pause. It came at 1
		// s, so the third and the fourth wait until 12 s and 13 s.
		if !slices.Equal(unsent, []bool{false, false, true, true}) || len(d.seen) != 2 ||
			time.Since(d.began).Truncate(2*time.Second) != 20*time.Second {
			t.Fatalf("unsent %v, requests at %v, all ended after %s", unsent, d.seen,
				time.Since(d.began))
		}
		if out.committer.size != 0 || out.committer.inFlight() != 0 {
			t.Fatalf("%d bytes are taken for queued, %d requests for under way\n%s",
				out.committer.size, out.committer.inFlight(), log)
		}
	})
}

// TestFlushWhosePieceIsUnsentIsKept is the same for chunks of three requests, of which one waits,
// and of one: they go back with RETRY, nothing lost.
func TestFlushWhosePieceIsUnsentIsKept(t *testing.T) {
	for _, lines := range []int{1500, 5} {
		synctest.Test(t, func(t *testing.T) {
			d := newDoor(t)
			out, _ := start(t, d.domain, "Retry_Budget 5s", "Request_Timeout 10s",
				"Max_Request_Size 64K")
			out.committer.limiter.next = time.Now().Add(time.Hour)
			chunk := chunkOf(lines, false, "x")
			if out.Flush("t", chunk) || time.Since(d.began) != 10*time.Second || len(d.seen) != 0 {
				t.Fatalf("after %s and %d requests", time.Since(d.began), len(d.seen))
			}
			out.committer.limiter.next = time.Time{}
			time.Sleep(2 * maxBackoff)
			if !out.Flush("t", chunk) || d.in("eks-log") != lines {
				t.Fatalf("%d documents", d.in("eks-log"))
			}
		})
	}
}

// TestWhatGoesIntoOneRequest is about the pieces behind the first one.
func TestWhatGoesIntoOneRequest(t *testing.T) {
	c := &committer{d: &Deliverer{size: newRequestSize(1000)}}
	f := func(want, left string, queue ...*piece) {
		t.Helper()
		c.queue, c.size = queue, 0
		for n, p := range queue {
			p.items = n
			c.size += p.size
		}
		var took, stays string
		size := 0
		for _, p := range c.take() {
			took += fmt.Sprint(p.items)
		}
		for _, p := range c.queue {
			stays += fmt.Sprint(p.items)
			size += p.size
		}
		if took != want || stays != left || size != c.size {
			t.Errorf("took %s, left %s, %d bytes counted of %d; want %s and %s", took, stays,
				c.size, size, want, left)
		}
	}
	f("01", "", &piece{size: 400}, &piece{size: 600})
	f("0", "1", &piece{size: 400}, &piece{size: 601})
	f("02", "1", &piece{size: 400}, &piece{size: 601}, &piece{size: 600}) // one that fits goes ahead
	f("0", "1", &piece{size: 2000}, &piece{size: 1})
	f("0", "12", &piece{size: 1, alone: true}, &piece{size: 1}, &piece{size: 1})
	f("02", "1", &piece{size: 1}, &piece{size: 1, alone: true}, &piece{size: 1})
	f("02", "1", &piece{size: 1, index: "a"}, &piece{size: 1, index: "b"},
		&piece{size: 1, index: "a"})
	f("02", "1", &piece{size: 1, pipeline: "a"}, &piece{size: 1, pipeline: "b"},
		&piece{size: 1, pipeline: "a"})
}

// TestJoinKeepsThePiecesInOrder has pieces that are compressed already among some that are not.
func TestJoinKeepsThePiecesInOrder(t *testing.T) {
	var z bulk.Compressor
	for _, compress := range []bool{true, false} {
		d := newDomain(t)
		out, _ := start(t, d, "Compress "+map[bool]string{true: "gzip", false: "none"}[compress])
		for layout := range 1 << 4 { // each of four pieces is compressed, or not
			for n := 1; n <= 4; n++ {
				var pieces []*piece
				want := ""
				for i := range n {
					text := fmt.Sprintf("piece %d of %d\n", i, n)
					want += text
					p := &piece{lines: []byte(text)}
					if compress && layout>>i&1 == 1 {
						p.gzip, _ = z.Piece(nil, p.lines)
						p.lines = nil
					}
					pieces = append(pieces, p)
				}
				buf := out.buffers.body()
				got := out.committer.join(buf, pieces)
				if compress {
					r, err := gzip.NewReader(bytes.NewReader(got))
					if err != nil {
						t.Fatal(err)
					}
					r.Multistream(false)
					if got, err = io.ReadAll(r); err != nil {
						t.Fatal(err)
					}
				}
				if string(got) != want {
					t.Fatalf("%04b: %q, want %q", layout, got, want)
				}
				out.buffers.keepBody(buf)
			}
		}
	}
}

// TestConcurrencyIsThePeakOfTwoWindows is how many flushes are expected.
func TestConcurrencyIsThePeakOfTwoWindows(t *testing.T) {
	at := time.Unix(1000, 0)
	c := &concurrency{windowBegan: at}
	f := func(after time.Duration, want int) {
		t.Helper()
		at = at.Add(after)
		if got := c.expected(at); got != want {
			t.Fatalf("%d expected, want %d", got, want)
		}
	}
	for range 5 {
		c.enter(at)
	}
	for range 3 {
		c.leave()
	}
	f(0, 5)
	f(peakWindow-1, 5)
	f(1, 5) // the window before
	if c.peak != 2 || c.last != 5 {
		t.Fatalf("%+v", c)
	}
	c.enter(at)
	f(peakWindow-1, 5)
	f(1, 3)
	f(2*peakWindow-1, 3)
	c.leave()
	c.leave()
	f(2*peakWindow, 1) // nobody came for two windows
}

// TestPanicsReleaseWhatIsHeld has sending panic in a request, with and without the breaker open.
func TestPanicsReleaseWhatIsHeld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		out, log := start(t, d.domain, "Retry_Budget 0s")
		client := out.client
		out.client = nil
		for i := range 3 {
			if out.Flush("t", chunkOf(5, false, fmt.Sprint(i))) {
				t.Fatal("settled")
			}
		}
		f := func(doing string) {
			t.Helper()
			synctest.Wait()
			if c := out.committer; c.inFlight() != 0 || c.concurrency.now != 0 || c.size != 0 ||
				out.breaker.probing || out.builders.running != 0 {
				t.Fatalf("%s: %d requests, %d flushes under way, %d bytes, a probe %v, %d "+
					"builders\n%s",
					doing, c.inFlight(), c.concurrency.now, c.size, out.breaker.probing, out.builders.running, log)
			}
		}
		f("panic")
		out.breaker.recordFailure(time.Now(), 0)
		time.Sleep(maxBackoff)
		if out.Flush("t", chunkOf(5, false, "probe")) {
			t.Fatal("settled")
		}
		f("panic of the probe")
		out.client = client
		time.Sleep(maxBackoff)
		if !out.Flush("t", chunkOf(5, false, "probe")) {
			t.Fatalf("not settled\n%s", log)
		}
		f("after all")
	})
}
