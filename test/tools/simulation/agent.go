package simulation

import (
	"bytes"
	"cmp"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/deliver"
	"out_opensearch_irsa/internal/logging"
)

// An agent is a model of Fluent Bit with filesystem storage: it reads sources in chunks, flushes
// them on workers, brings back what was answered with RETRY at a time of its own, in another order,
// and does not forget a chunk when its process ends.
type agent struct {
	s      *scenario
	domain *domain
	dir    string
	start  time.Time
	r      *rand.Rand

	cfg      *config.Config
	process  *process
	ended    []*process
	waiting  []*chunk
	flying   int
	results  chan flushed
	read     []int         // of each source, the lines read
	back     []int         // of each source, how many of them are read again with the next ones
	next     []int         // of each source, its next cut
	lastRead time.Duration // when the last chunk is there, of what is read for the first time or again

	made    []*chunk // all of them
	settled []*chunk
	faults  []string // what broke a bound
	history []string // for people

	logMu    sync.Mutex // guards the rest
	log      []string
	toPanic  int // the next lines of warnings and errors
	panicked int
}

// A chunk is on disk until it is settled.
type chunk struct {
	id       int
	source   int
	first, n int // its lines
	bytes    []byte
	torn     []byte        // the end of bytes that is no record
	at       time.Duration // when to flush it
	tries    int
	unclear  int      // processes that ended, and panics, while it was not settled but had been flushed
	by       *process // who settled it
	// equal says that another process had settled the same bytes before: with coarse times, this
	// one cannot know that its lines are others.
	equal bool
}

// A process is one instance of the plugin with the network it has.
type process struct {
	n       int
	out     *deliver.Deliverer
	net     *network
	flights map[*chunk]bool
	dead    bool // what it still answers is heard by nobody
}

type flushed struct {
	*chunk
	by       *process
	panicked int // before it began
	ok       bool
	took     time.Duration
	problem  string
}

func newAgent(s *scenario, d *domain, dir string) *agent {
	return &agent{s: s, domain: d, dir: dir, start: time.Now(),
		r: rand.New(rand.NewPCG(s.seed, 2)), results: make(chan flushed, 64),
		read: make([]int, len(s.sources)), back: make([]int, len(s.sources)), next: make([]int,
			len(s.sources))}
}

func (a *agent) note(format string, args ...any) {
	at := time.Since(a.start).Round(time.Millisecond)
	a.history = append(a.history, fmt.Sprintf("%12s  ", at)+fmt.Sprintf(format, args...))
}

func (a *agent) fault(format string, args ...any) {
	a.faults = append(a.faults, fmt.Sprintf(format, args...))
	a.note(format, args...)
}

// sink is the core's log. sink takes a line of the log. Where a panic is planned it panics, once:
// so it comes wherever the plugin writes of trouble, in whatever goroutine; but not again where it
// writes of the panic.
func (a *agent) sink(level logging.Level, text string) {
	a.logMu.Lock()
	defer a.logMu.Unlock()
	if a.toPanic > 0 && level <= logging.Warn &&
		!bytes.Contains(debug.Stack(), []byte(".Recovered(")) {
		a.toPanic--
		a.panicked++
		panic("planned")
	}
	a.log = append(a.log, fmt.Sprintf("%12s  %s %s", time.Since(a.start).Round(time.Millisecond),
		level, text))
}

// plan sets how many of the next warnings and errors panic, and returns how many would have.
func (a *agent) plan(n int) (before int) {
	a.logMu.Lock()
	defer a.logMu.Unlock()
	before, a.toPanic = a.toPanic, n
	return before
}

// close ends a process, behind the guard that its exports have.
func (p *process) close() {
	defer func() { _ = recover() }()
	p.out.Close()
}

// panics is how many there have been.
func (a *agent) panics() int {
	a.logMu.Lock()
	defer a.logMu.Unlock()
	return a.panicked
}

// property reads the section's options.
func (a *agent) property(name string) string {
	switch value := a.s.option(name); name {
	case "Endpoint":
		return "http://127.0.0.1:9200"
	case "AWS_Region":
		return "eu-west-1"
	case "AWS_Credentials":
		return "pod_identity"
	case "Memory_Limit":
		return "Off" // it is the whole process's
	case "Fallback_Index":
		return "fallback"
	case "Workers":
		return "" // the core keeps it
	case "Index":
		if value == "" {
			return "logs"
		}
		return value
	case "Dead_Letter_Path":
		if value != "" {
			return filepath.Join(a.dir, value)
		}
		return ""
	default:
		return value
	}
}

// launch starts a process.
func (a *agent) launch() error {
	cfg, err := config.Load(a.property, func(string) string { return "" })
	if err != nil {
		return err
	}
	p := &process{n: len(a.ended) + 1, flights: map[*chunk]bool{}}
	p.net = &network{serve: a.domain.serve, dialing: a.domain.dialing}
	cfg.Dial = p.net.dial
	planned := a.plan(0) // a panic at the start is the export's
	defer a.plan(planned)
	p.out, err = deliver.New(cfg, logging.New(a.sink, logging.Debug,
		fmt.Sprintf("opensearch_irsa.%d", p.n)))
	a.process, a.cfg = p, cfg
	return err
}

func (a *agent) workers() int {
	n, _ := strconv.Atoi(a.s.option("Workers"))
	return max(1, n)
}

// run goes on until every line is settled and every event has been, or until the bound is broken.
func (a *agent) run() {
	if err := a.launch(); err != nil {
		a.fault("it does not start: %v", err)
		return
	}
	events := a.agentEvents()
	for {
		now := time.Since(a.start)
		for len(events) > 0 && events[0].at <= now {
			a.happens(events[0])
			events = events[1:]
			now = time.Since(a.start)
		}
		a.readSources(now)
		next := a.flushDue(now)
		if len(events) > 0 {
			next = min(next, events[0].at)
		}
		if next == never && a.flying == 0 {
			break
		}
		end := max(a.s.lastTrouble(), a.lastRead) + settleWithin
		if now > end {
			a.fault("%d chunks are not settled %s after the last fault: %s",
				len(a.waiting)+a.flying, settleWithin, a.open())
			break
		}
		timer := time.NewTimer(min(next, end+time.Second) - now)
		select {
		case f := <-a.results:
			a.answered(f)
		case <-timer.C:
		}
		timer.Stop()
	}
	a.finish(0)
}

const (
	never = time.Duration(1<<63 - 1)
	// settleWithin is how long after the last fault, or after the last lines were read, a chunk may
	// wait: the core's longest pause, twice, and the longest that a domain may ask for.
	settleWithin = 10 * time.Minute
	// longestPause is scheduler.cap, as the shipped configuration has it.
	longestPause = 30 * time.Second
)

// lastTrouble is when the last fault ends and the last line is written.
func (s *scenario) lastTrouble() time.Duration {
	var last time.Duration
	for _, e := range s.events {
		last = max(last, e.at, e.until)
	}
	for _, src := range s.sources {
		if n := len(src.cuts); n > 0 {
			last = max(last, src.cuts[n-1].at)
		}
	}
	return last
}

func (a *agent) agentEvents() []event {
	var events []event
	for _, e := range a.s.events {
		if ofAgent(e.kind) {
			events = append(events, e)
		}
	}
	slices.SortStableFunc(events, func(x, y event) int { return cmp.Compare(x.at, y.at) })
	return events
}

// readSources makes chunks of what was written by now.
func (a *agent) readSources(now time.Duration) {
	for i, src := range a.s.sources {
		for a.next[i] < len(src.cuts) && src.cuts[a.next[i]].at <= now {
			cut := src.cuts[a.next[i]]
			a.next[i]++
			c := a.add(i, a.read[i]-a.back[i], a.back[i]+cut.n, now)
			c.torn, c.bytes = cut.torn, append(c.bytes, cut.torn...)
			a.read[i], a.back[i] = a.read[i]+cut.n, 0
		}
	}
}

func (a *agent) add(source, first, n int, at time.Duration) *chunk {
	a.lastRead = max(a.lastRead, at)
	c := &chunk{id: len(a.made) + 1, source: source, first: first, n: n, at: at}
	for _, l := range a.lines(c) {
		c.bytes = append(c.bytes, l.bytes...)
	}
	a.made, a.waiting = append(a.made, c), append(a.waiting, c)
	return c
}

func (a *agent) lines(c *chunk) []*line { return a.s.sources[c.source].lines[c.first : c.first+c.n] }

func (c *chunk) String() string {
	return fmt.Sprintf("L%d.%d to %d", c.source, c.first,
		c.first+c.n-1)
}

func (a *agent) open() string {
	names := []string{}
	for _, c := range a.waiting {
		names = append(names, fmt.Sprintf("%s after %d tries", c, c.tries))
	}
	return strings.Join(names, ", ")
}

// flushDue starts flushes of the chunks whose time has come, in any order, and returns when the
// next one is due.
func (a *agent) flushDue(now time.Duration) time.Duration {
	next := never
	for _, src := range a.sourcesLeft() {
		next = min(next, src)
	}
	for a.flying < a.workers() {
		due := []int{}
		for i, c := range a.waiting {
			if c.at <= now {
				due = append(due, i)
			}
		}
		if len(due) == 0 {
			break
		}
		i := due[a.r.IntN(len(due))]
		c := a.waiting[i]
		a.waiting = append(a.waiting[:i], a.waiting[i+1:]...)
		a.flush(c)
	}
	if a.flying < a.workers() {
		for _, c := range a.waiting {
			next = min(next, c.at)
		}
	}
	return next
}

func (a *agent) sourcesLeft() []time.Duration {
	var at []time.Duration
	for i, src := range a.s.sources {
		if a.next[i] < len(src.cuts) {
			at = append(at, src.cuts[a.next[i]].at)
		}
	}
	return at
}

// flush is one call of the plugin, on a worker, behind the guard that its exports have.
func (a *agent) flush(c *chunk) {
	c.tries++
	a.flying++
	p := a.process
	p.flights[c] = true
	lent := bytes.Clone(c.bytes)
	tag := a.s.sources[c.source].tag
	go func() {
		f := flushed{chunk: c, by: p, panicked: a.panics()}
		began := time.Now()
		defer func() {
			if r := recover(); r != nil {
				f.problem = fmt.Sprintf("panic: %v\n%s", r, debug.Stack())
			}
			f.took = time.Since(began)
			for i := range lent { // it is the core's again
				lent[i] = 0xc1
			}
			a.results <- f
		}()
		f.ok = p.out.Flush(tag, lent)
	}()
}

// answered is what the core does with the answer to a flush.
func (a *agent) answered(f flushed) {
	if !f.by.flights[f.chunk] {
		return // of a process that was killed
	}
	delete(f.by.flights, f.chunk)
	a.flying--
	took := f.took.Round(time.Millisecond)
	a.note("chunk %s of process %d: %t after %s %.300s", f.chunk, f.by.n, f.ok, took, f.problem)
	if most := a.longestFlush(); f.took > most {
		a.fault("a flush of %s lasted %s, more than %s", f.chunk, f.took, most)
	}
	if f.ok {
		f.chunk.by = f.by
		a.settled = append(a.settled, f.chunk)
		return
	}
	f.unclear += a.panics() - f.panicked
	pause := min(longestPause, 5*time.Second<<min(f.tries, 8))
	f.at = time.Since(a.start) + time.Second + time.Duration(a.r.Int64N(int64(pause)))
	a.waiting = append(a.waiting, f.chunk)
}

// longestFlush is how long a flush may block its worker: it may wait for a request that is under
// way, for its own, and for that of its dead letters.
func (a *agent) longestFlush() time.Duration {
	most := a.cfg.RetryBudget + 3*a.cfg.RequestTimeout + 10*time.Second
	for _, e := range a.s.events {
		if e.kind == "slow" { // each of several requests in turn may take nearly Request_Timeout and succeed
			most += 5 * a.cfg.RequestTimeout
		}
	}
	return most
}
