package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

// spread is the time over which a row's records are written, so that a fault meets them on their
// way.
const spread = 5 * time.Second

// trial is one row while it runs.
type trial struct {
	*bench
	stack  *stack.Stack
	node   *node
	domain *domain
	second *domain // of a second output; nil for none
	index  string  // the second output's is this with -second
	bad    int     // records planted that the domain will not take
	extra  int     // good records written to the json log
	recut  bool    // the row's
	fired  int     // how often the fault was seen to be met
}

// setup makes the row's domain, index name and node, which is not started.
func (t *trial) setup(r row) (err error) {
	t.index = "eks-log-f-" + r.id
	if t.domain, err = newDomain(t.stack, r.maxRequest); err != nil {
		return err
	}
	env := append(t.stack.Env(), "OPENSEARCH_ENDPOINT="+t.domain.server.URL(),
		"INDEX_NAME="+t.index)
	c := r.config
	if r.second {
		if t.second, err = newDomain(t.stack, 0); err != nil {
			return err
		}
		t.besides(&c)
		c.second = []string{"Endpoint " + t.second.server.URL(), "Index " + t.index + "-second"}
	}
	dir := filepath.Join(t.dir, r.id)
	if err = os.Mkdir(dir, 0o700); err != nil {
		return fmt.Errorf("cannot make the row's folder: %w", err)
	}
	pods := 3
	if r.burst {
		pods = 1
	}
	if t.node, err = newNode(t.bench, dir, pods, c, env); err != nil {
		return err
	}
	t.node.traces, t.recut = r.traces, r.recut
	return nil
}

// besides sets what is needed where records go to several outputs: Fluent Bit brings no more than
// storage.max_chunks_up chunks into memory, and takes one that waits for one of several outputs out
// of it only above Mem_Buf_Limit, so that chunks which wait for a domain that is down would keep
// others from one that works. With chunks on disk that limit pauses nothing. Versions before 3.0
// take chunks out of memory that the other output reads (fluent-bit issue 8691), and crash: they
// need room instead.
func (t *trial) besides(c *config) {
	if t.old() {
		c.values = map[string]string{"storage.max_chunks_up": "1000"}
		return
	}
	c.input = []string{"Mem_Buf_Limit 1"}
}

func (t *trial) close() (failed error) {
	if t.node != nil {
		failed = t.node.close()
	}
	for _, d := range []*domain{t.domain, t.second} {
		if d != nil {
			failed = errors.Join(failed, d.close())
		}
	}
	return failed
}

// write writes the row's records over the usual time.
func (t *trial) write(ctx context.Context) error {
	return t.writeOver(ctx, t.lines, spread)
}

// writeOver writes n good records in a hundred bursts.
func (t *trial) writeOver(ctx context.Context, n int, over time.Duration) error {
	const bursts = 100
	tick := time.NewTicker(over / bursts)
	defer tick.Stop()
	for i := range bursts {
		if err := t.node.write(n*(i+1)/bursts - n*i/bursts); err != nil {
			return err
		}
		if err := next(ctx, tick); err != nil {
			return err
		}
	}
	return nil
}

func next(ctx context.Context, tick *time.Ticker) error {
	select {
	case <-tick.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// hold lets a fault last.
func hold(ctx context.Context, d time.Duration) error {
	tick := time.NewTicker(d)
	defer tick.Stop()
	return next(ctx, tick)
}

// meanwhile writes the row's records while disturb does its work, and starts that when the first
// requests were answered.
func (t *trial) meanwhile(ctx context.Context, disturb func() error) error {
	wrote := make(chan error, 1)
	go func() { wrote <- t.write(ctx) }()
	err := t.await(ctx, "requests to be answered", func() bool { return t.domain.status(200) >= 3 })
	if err == nil {
		err = disturb()
	}
	return errors.Join(err, <-wrote)
}

// await waits until something is so.
func (t *trial) await(ctx context.Context, what string, so func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, stack.Patience)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !so() {
		if t.node.agent != nil && !t.node.agent.Running() {
			return fmt.Errorf("cannot wait for %s: the agent ended with status %d", what,
				t.node.agent.ExitStatus())
		}
		if err := next(ctx, tick); err != nil {
			return fmt.Errorf("cannot wait any longer for %s: %w", what, err)
		}
	}
	return nil
}

// counts makes the sums as they are now.
func (t *trial) counts(ctx context.Context) (sums, error) {
	want := expected{good: t.node.written() + t.extra, bad: t.bad}
	all, err := tally(ctx, t.stack.OpenSearch, t.index, want, t.recut)
	if err == nil && t.second != nil {
		var more sums
		more, err = tally(ctx, t.stack.OpenSearch, t.index+"-second", want, t.recut)
		all = all.add(more)
	}
	return all, err
}

// arrived tells how many documents there are, which is cheaper than to count them one by one.
func (t *trial) arrived(ctx context.Context, index string) int {
	n := 0
	for _, name := range []string{index, index + deadLetters} {
		found, err := t.stack.OpenSearch.Count(ctx, name)
		if err != nil {
			return 0 // asked again in a moment
		}
		n += found
	}
	return n
}

// settle waits until everything has arrived, or until the time is up, ends the agent, and makes the
// sums.
func (t *trial) settle(ctx context.Context) (sums, error) {
	want := t.node.documents() + t.extra + t.bad
	late := t.await(ctx, "all records to arrive", func() bool {
		return t.arrived(ctx, t.index) >= want &&
			(t.second == nil || t.arrived(ctx, t.index+"-second") >= want)
	})
	stopped := t.node.stop()
	s, err := t.counts(ctx)
	if s.lost == 0 { // what was late is shown by the sums
		late = nil
	}
	return s, errors.Join(late, stopped, err)
}

// logTail is the end of what the row's agents logged, and of what the plugin did, for a failure's
// report.
func (t *trial) logTail() string {
	if t.node == nil {
		return ""
	}
	text, err := os.ReadFile(t.node.log.Name())
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(string(text), "\n")
	if t.verbose {
		return string(text)
	}
	ours := slices.DeleteFunc(slices.Clone(lines),
		func(line string) bool { return !strings.Contains(line, "] [opensearch_irsa.") })
	last := func(lines []string) string { return strings.Join(lines[max(0, len(lines)-12):], "\n") }
	return last(lines) + "\nand the plugin's:\n" + last(ours)
}
