// Package simulation proves the promise by drawing: an agent that reads, cuts, retries, restarts
// and reads again, a domain with every fault there is, both drawn from a seed, and between them the
// plugin, from its options to its connections. Time and network are virtual. The oracle keeps
// account of every line. It knows of the plugin what the documentation says, not how it is made.
//
//	make simulation SEED=17            one seed, with a shortened schedule if it fails
//	make simulation SEEDS=1000000      many
package simulation

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

var (
	seed  = flag.Uint64("seed", 0, "run this seed alone")
	first = flag.Uint64("first", 1, "the first seed")
	seeds = flag.Uint64("seeds", 200, "how many seeds")
	step  = flag.Uint64("step", 0, "in a process of its own: every step-th seed")
	state = flag.String("state", "", "in a process of its own: the file that "+
		"names the seed under way")
	brief = flag.Bool("brief", false, "say what is wrong with a failing seed, and do not look "+
		"for a shorter schedule")
	most = flag.Int("most", 3, "stop after so many failing seeds")
)

func TestMain(m *testing.M) {
	flag.Parse()
	token := filepath.Join(os.TempDir(), fmt.Sprintf("simulation-token-%d", os.Getpid()))
	_ = os.WriteFile(token, []byte("token"), 0o600)
	for name, value := range map[string]string{
		"AWS_CONTAINER_CREDENTIALS_FULL_URI":     "http://" + agentAddress + "/v1/credentials",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": token,
		"HTTP_PROXY":                             "", "http_proxy": "", "AWS_ROLE_ARN": "",
	} {
		_ = os.Setenv(name, value)
	}
	debug.SetGCPercent(400)
	code := m.Run()
	_ = os.Remove(token)
	os.Exit(code)
}

// TestSimulation runs many seeds in as many processes as there are processors: an instance shares
// the memory limit and the metrics with the others of its process, and a seed must not depend on
// others.
func TestSimulation(t *testing.T) {
	switch {
	case *seed != 0:
		if text := try(t, *seed); text != "" {
			t.Fatal(text)
		}
	case *step != 0:
		runSome(t)
	default:
		runAll(t)
	}
}

func runAll(t *testing.T) {
	began := time.Now()
	n := uint64(runtime.GOMAXPROCS(0))
	var wait sync.WaitGroup
	for i := range n {
		wait.Go(func() {
			from := *first + i
			for from < *first+*seeds {
				var stopped bool
				if from, stopped = inProcess(t, from, n); stopped {
					return
				}
			}
		})
	}
	wait.Wait()
	t.Logf("%d seeds in %s", *seeds, time.Since(began).Round(time.Second))
}

// inProcess runs seeds in a process of its own. It returns where to go on: behind the seed that
// ended it.
func inProcess(t *testing.T, from, step uint64) (next uint64, stopped bool) {
	state := filepath.Join(t.TempDir(), "seed")
	cmd := exec.Command(os.Args[0], "-test.run=^TestSimulation$", "-test.timeout=24h",
		fmt.Sprintf("-first=%d", from),
		fmt.Sprintf("-seeds=%d", *first+*seeds-from), fmt.Sprintf("-step=%d",
			step), "-state="+state, fmt.Sprintf("-most=%d", *most), fmt.Sprintf("-brief=%t", *brief))
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, io.MultiWriter(&stderr, os.Stderr)
	err := cmd.Run()
	out := append(stdout.Bytes(), stderr.Bytes()...)
	if err == nil {
		return *first + *seeds, false
	}
	b, readErr := os.ReadFile(state)
	var exit *exec.ExitError
	if errors.As(err, &exit) && bytes.Contains(out, []byte("--- FAIL: TestSimulation")) &&
		!bytes.Contains(out, []byte("panic: ")) || readErr != nil {
		t.Errorf("%s", lastLines(out, 3)) // the rest was said
		return 0, true
	}
	at := binary.LittleEndian.Uint64(b)
	t.Errorf("seed %d ended its process: %v\nmake simulation SEED=%d\n%s", at, err, at,
		lastLines(out, 60))
	return at + step, false
}

func lastLines(out []byte, n int) string {
	lines := strings.Split(string(out), "\n")
	for i, l := range lines {
		if strings.HasPrefix(l, "panic: ") || strings.HasPrefix(l, "fatal error: ") {
			return strings.Join(lines[i:min(len(lines), i+n)], "\n")
		}
	}
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

func runSome(t *testing.T) {
	f, err := os.Create(*state)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	failed := 0
	for n := *first; n < *first+*seeds && failed < *most; n += *step {
		if _, err := f.WriteAt(binary.LittleEndian.AppendUint64(nil, n), 0); err != nil {
			t.Fatal(err)
		}
		if text := try(t, n); text != "" {
			failed++
			t.Error(text)
			fmt.Fprintln(os.Stderr, text) // at once: a long run may be stopped
		}
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 128<<20 {
		t.Errorf("%d MiB are in use after all instances were closed", m.HeapAlloc>>20)
	}
}

// hangs is how long a seed may take: real time stands still only where virtual time does.
const hangs = time.Minute

// try runs a seed. It returns "" or what is wrong, with a schedule made as short as it goes.
func try(t *testing.T, n uint64) string {
	watch := func(s *scenario) outcome {
		timer := time.AfterFunc(hangs,
			func() { panic(fmt.Sprintf("seed %d takes more than %s", n, hangs)) })
		defer timer.Stop()
		return simulate(t, s)
	}
	s := draw(n)
	out := watch(s)
	if len(out.problems) == 0 {
		return ""
	}
	if *brief {
		return fmt.Sprintf("seed %d: %.400s (of %d problems)", n, out.problems[0],
			len(out.problems))
	}
	what := class(out.problems[0])
	end := time.Now().Add(20 * time.Second)
	s = shrink(s, func(s *scenario) bool {
		again := watch(s)
		for _, p := range again.problems {
			if class(p) == what {
				out = again
				return true
			}
		}
		return false
	}, func() bool { return time.Now().Before(end) })
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, run it again: make simulation SEED=%d\n", n, n)
	for _, p := range out.problems[:min(len(out.problems), 8)] {
		fmt.Fprintf(&b, "  %.1500s\n", p)
	}
	fmt.Fprintf(&b, "  (%d problems, %d requests, %s)\nthe shortest schedule found:\n%s",
		len(out.problems), out.requests, out.virtual.Round(time.Second), s)
	for _, part := range []struct {
		name  string
		lines []string
	}{{"what happened", out.history}, {"log", out.log}} {
		fmt.Fprintf(&b, "%s:\n", part.name)
		for i, l := range part.lines {
			if i >= 15 && i < len(part.lines)-15 {
				continue
			}
			fmt.Fprintf(&b, "%.600s\n", l)
		}
	}
	return b.String()
}

// class is what a problem is about, so that a shortened schedule fails for the same reason.
func class(problem string) string {
	for _, mark := range []string{"is lost", "times in the index", "times in the dead letters",
		"is in the dead letters", "not settled", "log line",
		"lasted", "goroutines", "refuse as malformed", "nobody wrote", "is stored", "after Close", "the run broke", "no JSON"} {
		if strings.Contains(problem, mark) {
			return mark
		}
	}
	return problem[:min(len(problem), 20)]
}
