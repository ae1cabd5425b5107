package deliver

import (
	"fmt"
	"testing"
)

func TestLedgerBringsBackWhatWasSettled(t *testing.T) {
	l := newLedger(10)
	c := l.begin("t", []byte("chunk"))
	settled := newBitmap(100)
	settled.set(3)
	settled.set(99)
	c.keep(settled)
	if l.begin("u", []byte("chunk")).settled != nil {
		t.Fatal("another tag is another chunk")
	}
	again := l.begin("t", []byte("chunk"))
	if !again.settled.has(3) || !again.settled.has(99) || again.settled.has(4) ||
		again.settled.has(1000) {
		t.Fatalf("%v", again.settled)
	}
	if again.identity() != c.identity() {
		t.Fatal("a chunk that comes back has another identity")
	}
	again.done(false)
	if l.size() != 1 {
		t.Fatalf("%d chunks remembered, want the other tag's", l.size())
	}
}

func TestLedgerNumbersEqualChunks(t *testing.T) {
	l := newLedger(10)
	first := l.begin("t", []byte("c"))
	second := l.begin("t", []byte("c")) // while the first is under way: Fluent Bit never flushes one chunk twice at a time
	if first.identity() == second.identity() {
		t.Fatal("two chunks under way share an identity")
	}
	settled := newBitmap(1)
	settled.set(0)
	second.keep(settled)
	first.done(true)
	back := l.begin("t", []byte("c"))
	if back.identity() != second.identity() || back.settled == nil {
		t.Fatal("the kept chunk did not come back as itself")
	}
	back.done(true)
	if third := l.begin("t", []byte("c")); third.identity() == first.identity() ||
		third.identity() == second.identity() {
		t.Fatal("a chunk after two that are done is not new")
	}
}

func TestLedgerForgetsWhatHasNothingToTell(t *testing.T) {
	l := newLedger(10)
	l.begin("t", []byte("b")).done(false)
	if l.size() != 0 {
		t.Fatalf("%d chunks remembered", l.size())
	}
}

func TestLedgerIsBounded(t *testing.T) {
	l := newLedger(100)
	under := l.begin("t", []byte("under way"))
	settled := newBitmap(1)
	settled.set(0)
	l.begin("t", []byte("kept")).keep(settled)
	for i := range 10_000 {
		l.begin("t", fmt.Append(nil, i)).done(true)
	}
	if l.size() != 100 || l.numbered.Len() != 98 || l.evicted() != 0 {
		t.Fatalf("%d chunks remembered, %d of them numbered, %d evicted", l.size(),
			l.numbered.Len(), l.evicted())
	}
	back := l.begin("t", []byte("kept"))
	if back.settled == nil {
		t.Fatal("a kept chunk was forgotten before others that are done")
	}
	back.done(false)
	for i := range 150 {
		l.begin("t", fmt.Append(nil, "kept", i)).keep(settled)
	}
	if l.size() != 100 || l.evicted() != 51 {
		t.Fatalf("%d chunks remembered, %d evicted, want 100 and 51", l.size(), l.evicted())
	}
	if l.begin("t", []byte("kept50")).settled != nil ||
		l.begin("t", []byte("kept149")).settled == nil {
		t.Fatal("the oldest is not what was forgotten")
	}
	under.keep(settled)
	if l.begin("t", []byte("under way")).settled == nil {
		t.Fatal("a chunk under way was forgotten")
	}
}

func TestLedgerCountsReturns(t *testing.T) {
	l := newLedger(10)
	f := func(returns, panics int, settled bool) *lease {
		t.Helper()
		c := l.begin("t", []byte("c"))
		if c.returns != returns || c.panics != panics || (c.settled != nil) != settled ||
			c.number != 0 {
			t.Fatalf("%d returns, %d panics, settled %v, number %d", c.returns, c.panics, c.settled,
				c.number)
		}
		return c
	}
	f(0, 0, false).keep(nil)
	settled := newBitmap(1)
	settled.set(0)
	f(1, 0, false).keep(settled)
	f(2, 0, true).panicked(nil) // before it knew what is settled
	f(3, 1, true).panicked(settled)
	f(4, 2, true).done(false)
	f(0, 0, false)
}

// A flush that panics ends its lease in a defer, whatever it did before.
func TestLeaseEndsOnce(t *testing.T) {
	l := newLedger(10)
	c := l.begin("t", []byte("c"))
	c.keep(nil)
	c.panicked(nil)
	c.keep(nil)
	c.done(false)
	again := l.begin("t", []byte("c"))
	if again.returns != 1 || again.number != 0 || again.entry.busy != 1 ||
		len(again.entry.kept) != 0 {
		t.Fatalf("%+v of %+v", again, again.entry)
	}
	again.done(false)
	again.keep(nil)
	again.panicked(nil)
	if l.size() != 0 || l.kept.Len() != 0 {
		t.Fatalf("%d chunks remembered", l.size())
	}
}
