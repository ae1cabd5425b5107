package deliver

import (
	"math"
	"runtime/debug"
	"sync"
)

// memory is the soft limit of the Go runtime. All instances of a process share one runtime, so the
// limit is what their sections ask for together: a section's Memory_Limit is the same whatever
// other sections there are.
var memory memoryLimit

type memoryLimit struct {
	mu        sync.Mutex
	total     int64
	instances int
	unlimited int // instances with Memory_Limit Off
}

// join adds an instance's limit in bytes, 0 for none; leave takes it away.
func (m *memoryLimit) join(limit int) { m.change(limit, 1) }

func (m *memoryLimit) leave(limit int) { m.change(limit, -1) }

func (m *memoryLimit) change(limit, sign int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.instances == 0 && debug.SetMemoryLimit(-1) != math.MaxInt64 {
		return // the operator has set GOMEMLIMIT
	}
	m.instances += sign
	m.total += int64(sign * limit)
	if limit == 0 {
		m.unlimited += sign
	}
	if m.instances == 0 || m.unlimited > 0 {
		debug.SetMemoryLimit(math.MaxInt64)
	} else {
		debug.SetMemoryLimit(m.total)
	}
}
