package flb

import (
	"sync"

	"out_opensearch_irsa/internal/deliver"
	"out_opensearch_irsa/internal/logging"
)

// instance is one [OUTPUT] section at work.
type instance struct {
	deliver *deliver.Deliverer
	log     *logging.Logger
}

// handle stands for an instance on the C side, where a Go pointer must not be kept. 0 is none.
type handle uint64

type table struct {
	mu   sync.RWMutex // guards the rest
	last handle
	live map[handle]*instance
}

// instances are all that live in this process; hot reload makes new ones before the old have ended.
var instances = table{live: make(map[handle]*instance)}

func (t *table) add(in *instance) handle {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last++
	t.live[t.last] = in
	return t.last
}

// get returns nil for a handle that was removed or never given.
func (t *table) get(h handle) *instance {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.live[h]
}

func (t *table) remove(h handle) *instance {
	t.mu.Lock()
	defer t.mu.Unlock()
	in := t.live[h]
	delete(t.live, h)
	return in
}
