package deliver

import (
	"sync"
	"time"

	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/internal/logging"
)

// rejections logs dead letters: one line for an index and a reason at most every rejectEvery, with
// how many there were since the last one and the id of one of them, which its dead-letter record
// has too.
type rejections struct {
	log *logging.Logger

	mu     sync.Mutex // guards the rest
	groups map[rejectKey]*rejectGroup
	timer  *time.Timer // writes what was counted meanwhile; nil where there is no group
}

type rejectKey struct{ index, reason string }

type rejectGroup struct {
	count   int
	id      string
	written time.Time
}

const (
	rejectEvery = 30 * time.Second
	// maxRejectGroups bounds how many lines that are, since an index may be made of records'
	// values. Past it there is one line for all others.
	maxRejectGroups = 64
)

// otherRejects stands for what is past maxRejectGroups.
var otherRejects = rejectKey{"(others)", "several errors"}

func newRejections(log *logging.Logger) *rejections {
	return &rejections{log: log, groups: make(map[rejectKey]*rejectGroup)}
}

// add counts dead-letter records that have been written.
func (r *rejections) add(records []deadletter.Record) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range records {
		rec := &records[i]
		key := rejectKey{rec.Index, rec.Type}
		if r.groups[key] == nil && len(r.groups) >= maxRejectGroups {
			key = otherRejects
		}
		g := r.groups[key]
		if g == nil {
			g = &rejectGroup{}
			r.groups[key] = g
		}
		g.count++
		g.id = rec.ID
	}
	r.writeDue()
}

// writeDue logs the groups that were not logged for a while, forgets those that have nothing new,
// and sets the timer for the others. r.mu is held.
func (r *rejections) writeDue() {
	for key, g := range r.groups {
		switch due := time.Since(g.written) >= rejectEvery; {
		case due && g.count > 0:
			r.write(key, g)
		case due:
			delete(r.groups, key)
		}
	}
	if r.timer == nil && len(r.groups) > 0 {
		r.timer = time.AfterFunc(rejectEvery, r.tick)
	}
}

func (r *rejections) tick() {
	defer func() {
		if p := recover(); p != nil { // a panic in a timer's goroutine would end the agent
			r.log.Recovered("writing about dead letters", p)
		}
	}()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.timer = nil
	r.writeDue()
}

// flush logs what was counted and not yet logged, and forgets everything.
func (r *rejections) flush() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.timer != nil {
		r.timer.Stop()
		r.timer = nil
	}
	for key, g := range r.groups {
		if g.count > 0 {
			r.write(key, g)
		}
	}
	clear(r.groups)
}

func (r *rejections) write(key rejectKey, g *rejectGroup) {
	r.log.Warnf("%d records for index %q are in the dead letters with %s; the last one has the "+
		"id %q. The whole reason is there: fix the mapping or the record, then replay",
		g.count, key.index, key.reason, g.id)
	g.count, g.written = 0, time.Now()
}
