package logging

import (
	"sync"
	"time"
)

// repeatEvery is how often a failure that goes on is written again, so that somebody who opens the log late still finds it.
const repeatEvery = 5 * time.Minute

// Streak keeps a failure that repeats from filling the log: its first occurrence is written, the next ones are counted, a
// reminder is written every five minutes, and its end is written with how long it took. Kinds are kept apart by a key.
type Streak struct {
	log *Logger

	mu    sync.Mutex
	kinds map[string]*streak
}

type streak struct {
	since, written time.Time
	count          int
}

// NewStreak returns an empty Streak that writes to log.
func NewStreak(log *Logger) *Streak {
	return &Streak{log: log, kinds: make(map[string]*streak)}
}

// Failed tells that the failure of this kind happened, line being what to write about it. It returns whether it was written.
func (s *Streak) Failed(kind, line string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now()
	k := s.kinds[kind]
	if k == nil {
		s.kinds[kind] = &streak{since: now, written: now, count: 1}
		s.log.Errorf("%s", line)
		return true
	}
	k.count++
	if now.Sub(k.written) < repeatEvery {
		return false
	}
	k.written = now
	s.log.Errorf("%s (%d times in %s)", line, k.count, now.Sub(k.since).Round(time.Second))
	return true
}

// Recovered tells that what the kinds stand for works again. It writes one line for each that was failing.
func (s *Streak) Recovered(what string, kinds ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, kind := range kinds {
		if k := s.kinds[kind]; k != nil {
			s.log.Infof("%s again, after %s and %d failed attempts (%s)", what, time.Since(k.since).Round(100*time.Millisecond), k.count, kind)
			delete(s.kinds, kind)
		}
	}
}

// Failing returns the kinds that are failing now.
func (s *Streak) Failing() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	kinds := make([]string, 0, len(s.kinds))
	for kind := range s.kinds {
		kinds = append(kinds, kind)
	}
	return kinds
}
