package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

const reloads = 10

// Fluent Bit 4 and 5 start the workers of a Go output twice and end them once:
// flb_proxy_output_cb_init and then flb_output_init_all call flb_output_enable_multi_threading, and
// the second pool takes the place of the first. So each reload leaves as many threads and their
// pipes behind as there are Workers, whatever a plugin does; every 1.5 s they look at the output
// instance that is freed by then, which may crash the process.

// TestReload changes the configuration ten times under load: nothing is lost or stored twice.
func TestReload(t *testing.T) {
	t.Parallel()
	n, a := reloadable(t)
	lines := n.stream()
	for turn := 1; turn <= reloads; turn++ {
		n.reload(a, turn, set{"OUTPUT", "Workers", strconv.Itoa(1 + turn%3)},
			set{"OUTPUT", "Compress", []string{"none", "gzip"}[turn%2]})
	}
	written := lines.end()
	waitCount(t, n.index, written)
	a.stopLeniently() // see above
	checkLines(t, n.index, written)
}

// TestReloadLeavesNothing reloads as often and looks at what the process holds; without Workers,
// whose threads the core leaks.
func TestReloadLeavesNothing(t *testing.T) {
	t.Parallel()
	n, a := reloadable(t)
	lines := n.stream()
	var early, late footprint
	for turn := 1; turn <= reloads; turn++ {
		n.reload(a, turn, set{"OUTPUT", "Workers", ""})
		if turn == 3 {
			early = measure(t, a)
		}
	}
	// Go's runtime and the core have a few more or less at any moment, and connections that are
	// about to end; a leak is at least one for each of the seven reloads, and stays.
	within(t, 20*time.Second, func() error {
		late = measure(t, a)
		if late.threads > early.threads+3 || late.handles > early.handles+4 ||
			late.rss > early.rss+16<<20 {
			return fmt.Errorf("after 3 reloads the process held %+v, after %d %+v", early, reloads, late)
		}
		return nil
	})
	t.Logf("after 3 reloads %+v, after %d %+v", early, reloads, late)
	written := lines.end()
	waitCount(t, n.index, written)
	a.stop()
	checkLines(t, n.index, written)
}

func reloadable(t *testing.T) (*node, *agent) {
	t.Helper()
	v := newest()
	if v.is19() {
		t.Skip("Fluent Bit 1.9 has no hot reload")
	}
	n := newNode(t, v)
	return n, n.start()
}

// reload has the agent read a changed configuration, for the turn-th time, and waits until the new
// instance delivers and the old one has ended.
func (n *node) reload(a *agent, turn int, changes ...set) {
	n.t.Helper()
	n.config = shipped(n.t, append(changes,
		set{"OUTPUT", "Max_Request_Size", fmt.Sprintf("%dM", turn)})...)
	n.configure()
	if err := a.Reload(); err != nil {
		n.t.Fatal(err)
	}
	a.wait(fmt.Sprintf(`\[opensearch_irsa\.0\] version .* requests up to %d bytes`, turn<<20))
	eventually(n.t, func() error {
		if ended := a.count(`\[opensearch_irsa\.0\] ended: `); ended != turn {
			return fmt.Errorf("%d reloads, and %d old instances have ended", turn, ended)
		}
		return nil
	})
	// A signal during the engine's start would be ignored; once documents come again, that is over.
	waitCount(n.t, n.index, count(n.t, n.index)+100)
}

// footprint is what a process holds.
type footprint struct{ threads, handles, rss int }

func measure(t *testing.T, a *agent) footprint {
	t.Helper()
	proc := filepath.Join("/proc", strconv.Itoa(a.Pid()))
	threads, err := os.ReadDir(filepath.Join(proc, "task"))
	if err != nil {
		t.Fatal(err)
	}
	open, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		t.Fatal(err)
	}
	handles := 0
	for _, f := range open {
		// Pipes are the core's alone, and 4.2.8 leaks six at each reload, whatever its outputs are.
		if what, err := os.Readlink(filepath.Join(proc, "fd", f.Name())); err == nil &&
			!strings.HasPrefix(what, "pipe:") {
			handles++
		}
	}
	text, err := os.ReadFile(filepath.Join(proc, "statm"))
	if err != nil {
		t.Fatal(err)
	}
	pages, err := strconv.Atoi(strings.Fields(string(text))[1])
	if err != nil {
		t.Fatal(err)
	}
	return footprint{len(threads), handles, pages * os.Getpagesize()}
}
