package deliver

import (
	"testing"
	"testing/synctest"
	"time"
)

// TestBuffersThatAreNotNeededAreDropped takes some of the flushes in each half minute.
func TestBuffersThatAreNotNeededAreDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		out, _ := start(t, d.domain)
		b := &out.buffers
		free := func(want int) {
			t.Helper()
			synctest.Wait()
			b.mu.Lock()
			defer b.mu.Unlock()
			if len(b.free) != want {
				t.Fatalf("%d are kept, want %d", len(b.free), want)
			}
		}
		use := func(n int) {
			t.Helper()
			var taken []*flush
			for range n {
				f, err := out.takeFlush()
				if err != nil {
					t.Fatal(err)
				}
				taken = append(taken, f)
			}
			for _, f := range taken {
				b.giveBack(f)
			}
		}
		free(1) // New's
		use(maxFree + 10)
		free(maxFree)
		time.Sleep(trimEvery - time.Second) // all were needed
		use(5)
		time.Sleep(2 * time.Second)
		free(maxFree)
		use(5) // at the second trim, the fewest free since the first one
		time.Sleep(trimEvery)
		free(5)
		use(2)
		time.Sleep(trimEvery)
		free(2)
		time.Sleep(trimEvery)
		free(0)
		use(1)
		out.Close()
		time.Sleep(10 * trimEvery)
		free(1) // the timer has ended
	})
}

// TestLargeBuffersAreNotKept is about a body above keepBuffers.
func TestLargeBuffersAreNotKept(t *testing.T) {
	d := newDomain(t)
	out, _ := start(t, d)
	for _, buf := range []*body{{lines: make([]byte, keepBuffers+1)},
		{compressed: make([]byte, keepBuffers+1)}, {wire: make([]byte, keepBuffers+1)}} {
		out.buffers.keepBody(buf)
		for range 10 {
			if out.buffers.body() == buf {
				t.Fatal("kept")
			}
		}
	}
	f, err := out.newFlush()
	if err != nil {
		t.Fatal(err)
	}
	f.scratch, f.wire, f.trace.joined = make([]byte, keepBuffers+1), make([]byte, keepBuffers),
		make([]byte, keepBuffers)
	f.reset()
	if f.scratch != nil || f.wire == nil || f.trace.joined == nil {
		t.Fatalf("%d, %d and %d bytes are kept", cap(f.scratch), cap(f.wire), cap(f.trace.joined))
	}
	f.trace.joined = make([]byte, keepBuffers+1)
	if f.reset(); f.trace.joined != nil {
		t.Fatalf("%d bytes are kept", cap(f.trace.joined))
	}
}
