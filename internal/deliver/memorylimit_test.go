package deliver

import (
	"math"
	"runtime/debug"
	"testing"
)

func TestMemoryLimitIsTheSumOfTheInstances(t *testing.T) {
	before := debug.SetMemoryLimit(math.MaxInt64)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	var m memoryLimit
	want := func(limit int64) {
		t.Helper()
		if got := debug.SetMemoryLimit(-1); got != limit {
			t.Fatalf("the runtime's limit is %d, not %d", got, limit)
		}
	}
	m.join(256 << 20)
	want(256 << 20)
	m.join(512 << 20)
	want(768 << 20)
	m.join(0)
	want(math.MaxInt64)
	m.leave(0)
	want(768 << 20)
	m.leave(256 << 20)
	want(512 << 20)
	m.leave(512 << 20)
	want(math.MaxInt64)
}

func TestMemoryLimitOfTheEnvironmentStays(t *testing.T) {
	before := debug.SetMemoryLimit(1 << 30) // as GOMEMLIMIT does
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	var m memoryLimit
	m.join(256 << 20)
	m.leave(256 << 20)
	if got := debug.SetMemoryLimit(-1); got != 1<<30 {
		t.Fatalf("the runtime's limit is %d now", got)
	}
}
