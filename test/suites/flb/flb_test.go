// Package flb_test has the tests of internal/flb, which has none of its own since a test file
// cannot use cgo: its C by itself under the sanitizers, and the shared object in a host that does
// what no core does on purpose.
package flb_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// compile makes a program of C sources.
func compile(t *testing.T, name string, args ...string) string {
	t.Helper()
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	if _, err := exec.LookPath(cc); err != nil {
		t.Skipf("no C compiler: %v", err)
	}
	program := filepath.Join(t.TempDir(), name)
	out, err := exec.Command(cc, append([]string{"-O1", "-g", "-Wall", "-Wextra", "-Werror",
		"-pthread", "-o", program}, args...)...).CombinedOutput()
	if bytes.Contains(out, []byte("cannot find")) { // the sanitizer's library
		t.Skipf("%s", out)
	}
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return program
}

// TestWait is about the wait of a flush's thread: lines and ends from other threads, signals, and a
// struct that is gone when the flush returns.
func TestWait(t *testing.T) {
	fake := t.TempDir() // instead of what cgo makes
	if err := os.WriteFile(filepath.Join(fake, "_cgo_export.h"),
		[]byte("void opensearchIRSAStart(struct flush *);\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, sanitizer := range []string{"thread", "address,undefined"} {
		t.Run(sanitizer, func(t *testing.T) {
			program := compile(t, "wait", "-fsanitize="+sanitizer, "-I", fake, "-I",
				"../../../internal/flb", "wait.c", "../../../internal/flb/flush.c")
			if out, err := exec.Command(program).CombinedOutput(); err != nil ||
				string(out) != "9000 flushes\n" {
				t.Fatalf("%v\n%s", err, out)
			}
		})
	}
}

var built struct {
	once sync.Once
	so   string
	err  error
}

// plugin is the shared object of this tree, with whatever overlay the tests themselves run.
func plugin(t *testing.T) string {
	t.Helper()
	built.once.Do(func() {
		dir, err := os.MkdirTemp("", "flb-test-")
		if err != nil {
			built.err = err
			return
		}
		built.so = filepath.Join(dir, "plugin.so")
		if out, err := exec.Command("go", "build", "-trimpath", "-buildmode=c-shared", "-o",
			built.so, "../../../plugin").CombinedOutput(); err != nil {
			built.err = fmt.Errorf("%w\n%s", err, out)
		}
	})
	if built.err != nil {
		t.Fatal(built.err)
	}
	return built.so
}

func TestMain(m *testing.M) {
	code := m.Run()
	if built.so != "" {
		_ = os.RemoveAll(filepath.Dir(built.so))
	}
	os.Exit(code)
}

// domain takes everything, unless it is told to refuse.
type domain struct {
	*httptest.Server
	mu      sync.Mutex
	refused int // so many requests
	stored  int
}

func newDomain(t *testing.T) *domain {
	d := &domain{}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

// documents is how many are stored.
func (d *domain) documents() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stored
}

func (d *domain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.refused > 0 {
		d.refused--
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	n := bytes.Count(body, []byte("\n")) / 2
	d.stored += n
	const item = `{"create":{"status":201}}`
	_, _ = io.WriteString(w, `{"errors":false,"items":[`+strings.Repeat(item+",", n-1)+item+`]}`)
}

// run runs the commands in the host, and returns the lines that it printed, those of the log apart.
func run(t *testing.T, options map[string]string, commands string) (results, log []string) {
	t.Helper()
	return runIn(t, compile(t, "host", "-rdynamic", "host.c", "-ldl"), nil, options, commands)
}

// runIn is run for a host of one's own and variables of its environment.
func runIn(t *testing.T, host string, env []string, options map[string]string,
	commands string) (results, log []string) {
	t.Helper()
	cmd := exec.Command(host, append([]string{plugin(t)}, strings.Fields(commands)...)...)
	cmd.Env = append(os.Environ(), env...)
	for name, value := range options {
		cmd.Env = append(cmd.Env, "OPTION_"+name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSuffix(line, "\n")
		if strings.HasPrefix(line, "log ") || strings.HasPrefix(line, "[") {
			log = append(log, line)
		} else {
			results = append(results, line)
		}
	}
	return results, log
}

func count(log []string, part string) (n int) {
	for _, line := range log {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

func want(t *testing.T, results, log []string, want ...string) {
	t.Helper()
	if want = append([]string{"register 0 opensearch_irsa"}, want...); !slices.Equal(results, want) {
		t.Fatalf("got  %q\nwant %q\n%s", results, want, strings.Join(log, "\n"))
	}
}

func (d *domain) options() map[string]string {
	return map[string]string{"Endpoint": d.URL, "AWS_Auth": "Off", "Retry_Budget": "0s",
		"Generate_ID": "Off", "Compress": "none"}
}

// TestStaleHandle flushes for an output that has ended, or never was, and ends it twice, as 1.9
// does.
func TestStaleHandle(t *testing.T) {
	d := newDomain(t)
	results, log := run(t, d.options(), "init 0 flush 0 exit 0 flush 0 exit 0 flush 1 exit 1")
	want(t, results, log, "init 0: 1", "flush 0: 1", "exit 0: 1", "flush 0: 2", "exit 0: 1",
		"flush 1: 2", "exit 1: 1")
	if d.documents() != 1 || count(log, "a chunk came for an output that has "+
		"ended; Fluent Bit keeps it") != 2 || count(log, "ended: ") != 1 {
		t.Fatalf("%d documents\n%s", d.documents(), strings.Join(log, "\n"))
	}
	if count(log, "foreign") != 0 {
		t.Fatalf("lines are printed by threads that are not the core's:\n%s",
			strings.Join(log, "\n"))
	}
}

// TestReload makes the new instance before the old one ends, as hot reload does.
func TestReload(t *testing.T) {
	d := newDomain(t)
	results, log := run(t, d.options(), "init 0 flush 0 init 1 flush 1 flush 0 exit 0 flush 1 "+
		"flush 0 exit 1 flush 1")
	want(t, results, log, "init 0: 1", "flush 0: 1", "init 1: 1", "flush 1: 1", "flush 0: 1",
		"exit 0: 1", "flush 1: 1", "flush 0: 2", "exit 1: 1", "flush 1: 2")
	if d.documents() != 4 {
		t.Fatalf("%d documents", d.stored)
	}
}

// TestInitFailure has mistakes in the section: each of them is an error in the log.
func TestInitFailure(t *testing.T) {
	results, log := run(t, map[string]string{"Endpoint": "no url", "AWS_Auth": "perhaps"},
		"init 0 flush 0 exit 0")
	want(t, results, log, "init 0: 0", "flush 0: 2", "exit 0: 1")
	if count(log, "log 1 core [opensearch_irsa] Endpoint ") != 1 ||
		count(log, "log 1 core [opensearch_irsa] AWS_Auth ") != 1 {
		t.Fatalf("%s", strings.Join(log, "\n"))
	}
}

// TestGuard has a call panic: the agent lives, the chunk comes back, and the thread that has gone
// is forgotten. Lines that come later are printed by others.
func TestGuard(t *testing.T) {
	d := newDomain(t)
	results, log := run(t, d.options(), "init 0 null 0 null 0 flush 0 exit 0")
	want(t, results, log, "init 0: 1", "null 0: 2", "null 0: 2", "flush 0: 1", "exit 0: 1")
	if count(log, "recovered from panic in a call of the core's") != 2 ||
		count(log, "log 3 core [opensearch_irsa] ended: ") != 1 {
		t.Fatalf("%s", strings.Join(log, "\n"))
	}
}

// TestLinesOfFlushes has the domain fail while eight threads flush: what is written about it is
// printed by threads of the core, and each of them returns.
func TestLinesOfFlushes(t *testing.T) {
	d := newDomain(t)
	d.mu.Lock()
	d.refused = 1
	d.mu.Unlock()
	options := d.options()
	options["Retry_Budget"] = "20s"
	results, log := run(t, options, "init 0 flushes 0 flushes 0 flushes 0 exit 0")
	want(t, results, log, "init 0: 1", "flushes 0: 8", "flushes 0: 8", "flushes 0: 8", "exit 0: 1")
	if d.documents() != 24 || count(log, "log 1 core ") != 1 ||
		count(log, "delivery recovered") != 1 || count(log, "foreign") != 0 {
		t.Fatalf("%d documents\n%s", d.documents(), strings.Join(log, "\n"))
	}
}

// TestLogLevelAndName are those of the service and of the section.
func TestLogLevelAndName(t *testing.T) {
	d := newDomain(t)
	options := d.options()
	options["Buffer_Size"] = "64K" // which has no effect, and a line of level debug
	host := compile(t, "host", "-rdynamic", "host.c", "-ldl")
	for level, want := range [][2]int{{0, 0}, {0, 0}, {0, 0}, {1, 0}, {1, 1}} {
		env := []string{fmt.Sprint("CORE_LEVEL=", level), "CORE_NAME=logs.7"}
		_, log := runIn(t, host, env, options, "init 0 exit 0")
		infos, debugs := count(log, "log 3 core [logs.7] version "),
			count(log, "log 4 core [logs.7] these options have no effect here: ")
		if got := [2]int{infos, debugs}; got != want {
			t.Errorf("level %d: lines of info and debug %v, want %v\n%s", level, got, want,
				strings.Join(log, "\n"))
		}
	}
	_, log := run(t, options, "init 0 exit 0") // on a thread of which no level is known
	if count(log, "log 3 core [opensearch_irsa] version ") != 1 || count(log, "log 4 ") != 0 {
		t.Errorf("%s", strings.Join(log, "\n"))
	}
}

// TestLongLine has an error that is longer than the core's buffer for a line, 1 KiB with its time
// and level: nothing of it is lost, and no word is cut that has spaces around it.
func TestLongLine(t *testing.T) {
	var words []string
	for i := range 500 {
		words = append(words, fmt.Sprint("w", i))
	}
	for _, c := range []struct{ value, between string }{
		{strings.Join(words, " "), " "},
		{strings.Repeat("0123456789", 400), ""},
	} {
		_, log := run(t, map[string]string{"Endpoint": "http://127.0.0.1:1", "AWS_Auth": c.value},
			"init 0 exit 0")
		var parts []string
		for _, line := range log {
			if line = strings.TrimPrefix(line, "log 1 core "); len("[2026/11/25 "+
				"13:00:00.123456789] [error] ")+len(line) >= 1<<10 {
				t.Errorf("a line of %d bytes: %s", len(line), line)
			}
			parts = append(parts, strings.TrimSuffix(strings.TrimPrefix(line, "… "), " …"))
		}
		if text := strings.Join(parts, c.between); !strings.Contains(text, c.value) ||
			len(parts) > 2+len(text)/800 {
			t.Errorf("%d lines: %q", len(parts), parts)
		}
	}
}

// TestHostWithoutALogger is one that is no Fluent Bit: lines go to stderr, in the core's form.
func TestHostWithoutALogger(t *testing.T) {
	d := newDomain(t)
	results, log := runIn(t, compile(t, "bare", "-DBARE", "-rdynamic", "host.c", "-ldl"), nil,
		d.options(), "init 0 flush 0 exit 0 flush 0")
	want(t, results, log, "init 0: 1", "flush 0: 1", "exit 0: 1", "flush 0: 2")
	form := regexp.MustCompile(`^\[[0-9]{4}/[0-9]{2}/[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\] \[ info\] \[opensearch_irsa\] (version|ended: ) *`)
	if len(log) != 3 || !form.MatchString(log[0]) || !form.MatchString(log[1]) ||
		count(log, "[opensearch_irsa] a chunk came for an output that has ended") != 1 {
		t.Errorf("%s", strings.Join(log, "\n"))
	}
}
