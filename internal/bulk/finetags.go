package bulk

import "sync"

// FineTags remembers the tags whose times are finer than a millisecond: a chunk of a few lines cannot tell a time that is coarse
// from one that looks so by chance, but those before it could. It is safe for concurrent use.
type FineTags struct {
	mu   sync.Mutex // guards the rest
	tags map[uint64]struct{}
}

const (
	// fineShare is how many fine times there have to be for each whole millisecond: far more than where two sources share a tag,
	// far fewer than the thousand that microseconds have.
	fineShare = 64
	// maxFineTags bounds the memory: more files than a node has. Past it, all are forgotten, and learnt anew.
	maxFineTags = 32 << 10
)

// NewFineTags returns an empty memory.
func NewFineTags() *FineTags { return &FineTags{tags: make(map[uint64]struct{})} }

// judge tells whether the whole milliseconds among a chunk's times are so by chance. fine and whole count its times that are
// finer, and that are whole milliseconds but no whole seconds.
func (t *FineTags) judge(tag uint64, fine, whole int) bool {
	if fine < fineShare && whole == 0 {
		return false // nothing to judge, nothing to learn
	}
	chance := fine >= fineShare*whole
	t.mu.Lock()
	defer t.mu.Unlock()
	_, known := t.tags[tag]
	switch {
	case chance && !known:
		if len(t.tags) >= maxFineTags {
			t.tags = make(map[uint64]struct{})
		}
		t.tags[tag] = struct{}{}
	case !chance && whole > 1:
		delete(t.tags, tag)
		known = false
	}
	return chance || known
}
