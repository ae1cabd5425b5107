package fleet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/deliver"
	"out_opensearch_irsa/internal/logging"
)

const (
	// parts is how many records a chunk here has. One goes to each data node.
	parts = dataNodes
	// nodeChunks is how many chunks of a real node, one of each pod, a chunk here stands for.
	nodeChunks = 100
	// maxTasks is how many chunks Fluent Bit has under way or waiting for their retry: 2048
	// (FLB_CONFIG_DEFAULT_TASK_MAP_SIZE) of a real node's. The others wait on disk.
	maxTasks = 2048 / nodeChunks
	// workers is how many requests of an instance can be under way: where a worker waits for each
	// of a real node's chunks, all of them wait for one request or two.
	workers = 2
	// retryBase and retryCap are scheduler.base and scheduler.cap as shipped, in seconds.
	retryBase, retryCap = 1, 30
)

// output is one instance of an output plugin.
type output interface {
	flush(chunk *chunk) bool
	close()
}

// agent is a model of a Fluent Bit with filesystem storage on a node.
type agent struct {
	id     int
	domain *domain
	every  time.Duration // Flush
	lines  float64       // of a chunk
	open   func(a *agent) (output, error)
	width  int // flushes side by side

	mu      sync.Mutex // guards the rest
	out     output     // nil while the agent is down
	life    int        // how often it was started
	backlog []*chunk   // on disk
	tasks   int
	next    int
	made    float64 // lines
	ready   chan *chunk
	ended   bool
}

type chunk struct {
	number int
	bytes  []byte
	parts  []record
	tries  int
	life   int // the agent's, when it became a task
}

func (a *agent) start() error {
	a.ready = make(chan *chunk, maxTasks*2)
	if err := a.up(); err != nil {
		return err
	}
	for range a.width {
		go a.work()
	}
	go a.write()
	return nil
}

func (a *agent) up() error {
	out, err := a.open(a)
	if err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.out = out
	a.life++
	a.dispatch()
	return nil
}

// restart ends the process and starts another one after some time. Chunks that are not settled come
// back from disk.
func (a *agent) restart(down time.Duration) error {
	a.mu.Lock()
	out := a.out
	a.out, a.tasks = nil, 0
	for len(a.ready) > 0 {
		a.backlog = append(a.backlog, <-a.ready)
	}
	a.mu.Unlock()
	out.close()
	time.Sleep(down)
	return a.up()
}

func (a *agent) stop() {
	a.mu.Lock()
	a.ended = true
	out := a.out
	a.mu.Unlock()
	out.close()
}

// write makes a chunk each time.
func (a *agent) write() {
	time.Sleep(rand.N(a.every))
	for {
		a.mu.Lock()
		if a.ended {
			close(a.ready)
			a.mu.Unlock()
			return
		}
		c := &chunk{number: a.next}
		a.next++
		a.made += a.lines
		for i := range parts {
			c.parts = append(c.parts, record{a.id, c.number, i, a.lines / parts, time.Now()})
		}
		a.backlog = append(a.backlog, c)
		a.dispatch()
		a.mu.Unlock()
		time.Sleep(a.every)
	}
}

// dispatch makes tasks of the oldest chunks. a.mu is held.
func (a *agent) dispatch() {
	for a.out != nil && !a.ended && a.tasks < maxTasks && len(a.backlog) > 0 {
		oldest := 0
		if a.life > 1 { // a restart mixes them
			for i, c := range a.backlog {
				if c.number < a.backlog[oldest].number {
					oldest = i
				}
			}
		}
		c := a.backlog[oldest]
		a.backlog = slices.Delete(a.backlog, oldest, oldest+1)
		c.life, c.tries = a.life, 0
		a.tasks++
		a.ready <- c
	}
}

func (a *agent) work() {
	for c := range a.ready {
		a.mu.Lock()
		out := a.out
		a.mu.Unlock()
		settled := out != nil && out.flush(c)
		a.mu.Lock()
		switch {
		case c.life != a.life || a.out == nil: // the process ended meanwhile
			if !settled {
				a.backlog = append(a.backlog, c)
			}
		case settled:
			a.tasks--
		default:
			c.tries++
			time.AfterFunc(retryPause(c.tries), func() { a.back(c) })
		}
		a.dispatch()
		a.mu.Unlock()
	}
}

// back brings a chunk whose pause is over.
func (a *agent) back(c *chunk) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case a.ended:
	case c.life != a.life || a.out == nil:
		a.backlog = append(a.backlog, c)
		a.dispatch()
	default:
		a.ready <- c
	}
}

// retryPause is Fluent Bit's (src/flb_scheduler.c: backoff_full_jitter, and a second more).
func retryPause(tries int) time.Duration {
	most := min(retryCap, retryBase<<min(tries, 20))
	return time.Duration(retryBase+rand.IntN(most-retryBase+1)+1) * time.Second
}

// plugin is the real one.
type plugin struct{ out *deliver.Deliverer }

func openPlugin(a *agent) (output, error) {
	options := map[string]string{
		"Endpoint": "http://" + domainAddress, "AWS_Region": "eu-west-1", "AWS_STS_Endpoint": "http://" + stsAddress, "Index": "eks-log", "Memory_Limit": "Off",
	}
	cfg, err := config.Load(func(name string) string { return options[name] },
		func(string) string { return "" })
	if err != nil {
		return nil, err
	}
	cfg.Dial = a.domain.dial
	out, err := deliver.New(cfg, logging.New(func(logging.Level, string) {}, logging.Error,
		fmt.Sprintf("opensearch_irsa.%d", a.id)))
	return plugin{out}, err
}

func (p plugin) flush(c *chunk) bool {
	if c.bytes == nil {
		c.bytes = appendChunk(nil, c.parts)
	}
	settled := p.out.Flush("kube.fleet", c.bytes)
	if settled {
		c.bytes = nil
	}
	return settled
}

func (p plugin) close() { p.out.Close() }

// builtIn is the policy of the built-in output (plugins/out_opensearch/opensearch.c of 5.1.1:
// cb_opensearch_flush and opensearch_error_check): each chunk is a request, any failure and any
// item's error but 409 is a RETRY of all of it, and nothing bounds what is under way.
type builtIn struct{ domain *domain }

func openBuiltIn(a *agent) (output, error) { return builtIn{a.domain}, nil }

func (b builtIn) flush(c *chunk) bool {
	d := b.domain
	if d.isDown() {
		return false
	}
	d.set(func(d *domain) {
		d.tally.conns += nodeChunks
		d.tally.peakConns = max(d.tally.peakConns, d.tally.conns)
	})
	defer d.set(func(d *domain) { d.tally.conns -= nodeChunks })
	whole, items := d.bulk(c.parts, nodeChunks)
	return whole == 0 && !slices.ContainsFunc(items, func(s status) bool { return s != stored })
}

func (b builtIn) close() {}
