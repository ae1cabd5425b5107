package simulation

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// An outcome is what one run of a scenario showed.
type outcome struct {
	problems []string
	history  []string
	log      []string
	requests int
	virtual  time.Duration
}

// simulate runs a scenario from its first line to Close in a bubble of virtual time.
func simulate(t *testing.T, s *scenario) (out outcome) {
	dir := ""
	if s.option("Dead_Letter_Path") != "" {
		var err error
		if dir, err = os.MkdirTemp("", "simulation-"); err != nil {
			t.Fatal(err)
		}
		defer func() { _ = os.RemoveAll(dir) }()
	}
	defer func() {
		if r := recover(); r != nil { // synctest: goroutines that are left, or all of them wait
			out.problems = append(out.problems, fmt.Sprintf("the run broke: %v", r))
		}
	}()
	synctest.Test(t, func(*testing.T) {
		before := runtime.NumGoroutine()
		d := newDomain(s)
		a := newAgent(s, d, dir)
		a.run()
		for _, p := range append(a.ended, a.process) {
			if p != nil {
				p.net.sever()
			}
		}
		synctest.Wait()
		time.Sleep(2 * time.Minute) // longer than anything that ends by itself
		synctest.Wait()
		out.virtual = time.Since(a.start)
		out.problems = judge(s, a, d)
		if runtime.NumGoroutine() > before { // they may be the runtime's own
			if left := stacks(); left != "" {
				out.problems = append(out.problems, "goroutines are left after Close:\n"+left)
			}
		}
		a.logMu.Lock()
		out.history, out.log, out.requests = a.history, a.log, d.requests
		a.logMu.Unlock()
	})
	return out
}

// stacks are those of the bubble's goroutines, without the ones that run it.
func stacks() string {
	b := make([]byte, 1<<20)
	b = b[:runtime.Stack(b, true)]
	var ours []string
	for _, g := range strings.Split(string(b), "\n\n") {
		own := strings.Contains(g, "simulation.stacks") || strings.Contains(g, "synctest.Run(") ||
			strings.Contains(g, "testing.testingSynctestTest(")
		if strings.Contains(g, "synctest bubble") && !own {
			ours = append(ours, g)
		}
	}
	return strings.Join(ours, "\n\n")
}
