package simulation

import "slices"

// shrink leaves out of a scenario what it also fails without: events, sources, chunks, lines,
// options. fails runs a scenario; budget tells whether there is time for another.
func shrink(s *scenario, fails func(*scenario) bool, budget func() bool) *scenario {
	for changed := true; changed && budget(); {
		changed = false
		for _, part := range []func(*scenario, int, int) (*scenario, bool){
			withoutEvents, withoutSources, withoutCuts, withoutLines, withoutOptions, withoutTraits,
		} {
			for size := 512; size >= 1; size /= 2 {
				for at := 0; budget(); {
					smaller, ok := part(s, at, size)
					if !ok {
						break
					}
					if smaller != nil && fails(smaller) {
						s, changed = smaller, true
					} else {
						at += size
					}
				}
			}
		}
	}
	return s
}

// Each without… returns the scenario less size parts from the at-th on; false where there is no
// such part, and nil where leaving it out changes nothing.

func withoutEvents(s *scenario, at, size int) (*scenario, bool) {
	if at >= len(s.events) || size > len(s.events) {
		return nil, false
	}
	c := *s
	c.events = slices.Delete(slices.Clone(s.events), at, min(at+size, len(s.events)))
	return &c, true
}

func withoutOptions(s *scenario, at, size int) (*scenario, bool) {
	if at >= len(s.options) || size > len(s.options) {
		return nil, false
	}
	c := *s
	c.options = slices.Delete(slices.Clone(s.options), at, min(at+size, len(s.options)))
	return &c, true
}

// withoutSources keeps the sources' places, since lines are named by them.
func withoutSources(s *scenario, at, size int) (*scenario, bool) {
	if at >= len(s.sources) || size > len(s.sources) {
		return nil, false
	}
	c, changed := *s, false
	c.sources = slices.Clone(s.sources)
	for i := at; i < min(at+size, len(c.sources)); i++ {
		changed = changed || len(c.sources[i].lines) > 0
		c.sources[i] = &source{tag: s.sources[i].tag, resolution: s.sources[i].resolution}
	}
	if !changed {
		return nil, true
	}
	return &c, true
}

// withoutCuts joins chunks with the ones before them.
func withoutCuts(s *scenario, at, size int) (*scenario, bool) {
	i, at, ok := place(s, at, size, func(src *source) int { return len(src.cuts) - 1 })
	if !ok {
		return nil, false
	}
	src := *s.sources[i]
	src.cuts = slices.Clone(src.cuts)
	end := min(at+size, len(src.cuts)-1)
	for _, c := range src.cuts[at+1 : end+1] {
		src.cuts[at].n, src.cuts[at].torn = src.cuts[at].n+c.n, c.torn
	}
	src.cuts = slices.Delete(src.cuts, at+1, end+1)
	return s.with(i, &src), true
}

func withoutLines(s *scenario, at, size int) (*scenario, bool) {
	i, at, ok := place(s, at, size, func(src *source) int { return len(src.lines) })
	if !ok {
		return nil, false
	}
	src := *s.sources[i]
	end := min(at+size, len(src.lines))
	var cuts []cut
	first := 0
	for _, c := range src.cuts {
		gone := max(0, min(first+c.n, end)-max(first, at))
		first += c.n
		if gone > 0 {
			c.torn = nil
		}
		if c.n -= gone; c.n > 0 {
			cuts = append(cuts, c)
		}
	}
	src.cuts = cuts
	src.lines = slices.Clone(src.lines)
	src.lines = slices.Delete(src.lines, at, end)
	return s.with(i, &src), true
}

// withoutTraits takes the domain's own limits away.
func withoutTraits(s *scenario, at, size int) (*scenario, bool) {
	c := *s
	if size > 1 || at > 5 {
		return nil, false
	}
	switch at {
	case 0:
		c.domain.limit = 0
	case 1:
		c.domain.noIDs = ""
	case 2:
		c.domain.skew = 0
	case 3:
		c.domain.early = false
	case 4:
		c.domain.onWire = false
	case 5:
		c.domain.stream = false
	}
	if c.domain == s.domain {
		return nil, true
	}
	return &c, true
}

// place finds the source that the at-th of all parts is in, and its place there.
func place(s *scenario, at, size int, count func(*source) int) (int, int, bool) {
	total := 0
	for _, src := range s.sources {
		total += max(0, count(src))
	}
	if size > total {
		return 0, 0, false
	}
	for i, src := range s.sources {
		n := max(0, count(src))
		if at < n {
			return i, at, true
		}
		at -= n
	}
	return 0, 0, false
}

func (s *scenario) with(i int, src *source) *scenario {
	c := *s
	c.sources = slices.Clone(s.sources)
	c.sources[i] = src
	return &c
}
