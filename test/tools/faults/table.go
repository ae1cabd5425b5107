package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
)

// row is one fault. The zero value of a field is the usual case.
type row struct {
	id         string // part of names: a-z and -
	name       string
	alone      bool   // it disturbs other rows
	heap       string // an OpenSearch of its own, with this heap
	maxRequest int64  // the domain's limit in bytes
	burst      bool   // one pod, whose records make large chunks
	second     bool   // a second output, to a second domain
	traces     bool   // stack traces among the records, which are one document each
	// recut: files are read again, so that a chunk's end may cut a trace that was whole before; the
	// lines behind that are then documents of their own too, as docs/delivery.md says.
	recut  bool
	config config
	skip   func(*bench) string // why this host cannot run it; "" where it can

	// run starts the agent, writes the records and lets the fault come and go. It sets trial.fired.
	run func(context.Context, *trial) error
}

// result is a row that was run.
type result struct {
	row     row
	skipped string
	sums    sums
	bad     int // planted
	fired   int
	sent    int // requests
	err     error
	copies  string // of duplicates
	log     string
}

func (r result) proven() bool {
	s := r.sums
	return r.skipped != "" || r.err == nil && r.fired > 0 && s.written > 0 && s.duplicates == 0 &&
		s.lost == 0 && s.misfiled == 0 &&
		s.dead == r.bad && 100*s.cut <= s.written
}

// table runs every row and prints what became of the records.
func (b *bench) table(ctx context.Context) error {
	var together, alone []row
	for _, r := range rows {
		switch {
		case !b.only.MatchString(r.name) && !b.only.MatchString(r.id):
		case r.alone:
			alone = append(alone, r)
		default:
			together = append(together, r)
		}
	}
	done := map[string]result{}
	b.runAll(ctx, together, b.parallel, done)
	b.runAll(ctx, alone, 1, done)
	fmt.Printf("\n%s\n\n", b.host.Version)
	fmt.Print(heading)
	proven := true
	for _, r := range rows {
		if res, ran := done[r.id]; ran {
			fmt.Print(res.line())
			proven = proven && res.proven()
		}
	}
	for _, r := range rows {
		if res, ran := done[r.id]; ran && !res.proven() {
			fmt.Printf("\n%s: fault met %d times, %d planted, %d misfiled, "+
				"lost%s, twice%s: %v\n%s%s\n", r.name, res.fired, res.bad, res.sums.misfiled, res.sums.gone, res.sums.twice, res.err, res.copies, res.log)
		}
	}
	if !proven {
		return errUnproven
	}
	return ctx.Err()
}

// runAll runs rows, so many at a time.
func (b *bench) runAll(ctx context.Context, rows []row, parallel int, done map[string]result) {
	var mu sync.Mutex // guards done
	var all sync.WaitGroup
	places := make(chan struct{}, max(1, parallel))
	for _, r := range rows {
		places <- struct{}{}
		if ctx.Err() != nil {
			return
		}
		all.Go(func() {
			defer func() { <-places }()
			res := b.one(ctx, r)
			b.say("%s", strings.TrimSuffix(res.line(), "\n"))
			mu.Lock()
			defer mu.Unlock()
			done[r.id] = res
		})
	}
	all.Wait()
}

// one runs one row.
func (b *bench) one(ctx context.Context, r row) (res result) {
	res.row = r
	if r.skip != nil {
		if res.skipped = r.skip(b); res.skipped != "" {
			return res
		}
	}
	t := &trial{bench: b, stack: b.stack}
	if r.heap != "" {
		own, err := b.startStack(ctx, r.heap)
		if err != nil {
			res.err = err
			return res
		}
		defer func() { res.err = errors.Join(res.err, own.Close()) }()
		t.stack = own
	}
	defer func() { res.err = errors.Join(res.err, t.close()) }()
	if res.err = t.setup(r); res.err != nil {
		return res
	}
	failed := r.run(ctx, t)
	if t.node.agent == nil {
		res.err = failed
		return res
	}
	t.domain.set(nil)
	res.sums, res.err = t.settle(ctx)
	res.err = errors.Join(failed, res.err)
	res.bad, res.fired, res.sent = t.bad, t.fired, t.domain.requestCount()
	if t.second != nil {
		res.sent += t.second.requestCount()
	}
	res.copies, res.log = t.copies(ctx, res.sums), t.logTail()
	return res
}

const columns = "| %-62s | %8s | %8s | %10s | %12s | %5s | %8s |%s\n"

var heading = fmt.Sprintf(columns, "fault", "written", "indexed", "duplicates", "dead letters",
	"lost", "requests", "") +
	fmt.Sprintf("|%s|%s:|%s:|%s:|%s:|%s:|%s:|\n", strings.Repeat("-", 64), strings.Repeat("-", 9),
		strings.Repeat("-", 9),
		strings.Repeat("-", 11), strings.Repeat("-", 13), strings.Repeat("-",
			6), strings.Repeat("-", 9))

func (r result) line() string {
	if r.skipped != "" {
		return fmt.Sprintf(columns, r.row.name+" ("+r.skipped+")", "-", "-", "-", "-", "-", "-", "")
	}
	if r.proven() {
		return r.figures("")
	}
	return r.figures(" FAILED")
}

func (r result) figures(mark string) string {
	s := r.sums
	number := func(n int) string { return fmt.Sprint(n) }
	name := r.row.name
	if s.cut > 0 {
		name += fmt.Sprintf(" (and cut: %d)", s.cut)
	}
	return fmt.Sprintf(columns, name, number(s.written), number(s.indexed), number(s.duplicates),
		number(s.dead), number(s.lost), number(r.sent), mark)
}
