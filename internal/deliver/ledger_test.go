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
	c.keep(settled, false)
	if l.begin("u", []byte("chunk")).settled != nil {
		t.Fatal("another tag is another chunk")
	}
	again := l.begin("t", []byte("chunk"))
	if !again.settled.has(3) || !again.settled.has(99) || again.settled.has(4) || again.settled.has(1000) {
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
	second.keep(settled, false)
	first.done(true)
	back := l.begin("t", []byte("c"))
	if back.identity() != second.identity() || back.settled == nil {
		t.Fatal("the kept chunk did not come back as itself")
	}
	back.done(true)
	if third := l.begin("t", []byte("c")); third.identity() == first.identity() || third.identity() == second.identity() {
		t.Fatal("a chunk after two that are done is not new")
	}
}

func TestLedgerForgetsWhatHasNothingToTell(t *testing.T) {
	l := newLedger(10)
	l.begin("t", []byte("a")).keep(nil, false)
	l.begin("t", []byte("b")).done(false)
	if l.size() != 0 {
		t.Fatalf("%d chunks remembered", l.size())
	}
}

func TestLedgerIsBounded(t *testing.T) {
	l := newLedger(100)
	kept := l.begin("t", []byte("kept"))
	settled := newBitmap(1)
	settled.set(0)
	kept.keep(settled, false)
	for i := range 150 {
		l.begin("t", fmt.Append(nil, i)).done(true)
	}
	if l.size() > 100 {
		t.Fatalf("%d chunks remembered, the limit is 100", l.size())
	}
	if l.begin("t", []byte("kept")).settled == nil {
		t.Fatal("a kept chunk was forgotten before others that are done")
	}
	for i := range 10_000 {
		l.begin("t", fmt.Append(nil, "x", i)).done(false)
	}
	if len(l.order) > 4*l.limit+1 {
		t.Fatalf("the order holds %d keys", len(l.order))
	}
}
