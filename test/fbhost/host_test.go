// Package fbhost_test builds fbhost and a recording plugin with the C compiler and runs them: what reaches the plugin
// is compared byte for byte with what each Fluent Bit version packs, and no line may be lost on the way.
package fbhost_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// deadline bounds each wait for something that another process does.
const deadline = 20 * time.Second

var abis = []string{"1.9", "4.2", "5.1"}

var built struct {
	dir, host, recorder, noCompiler string
}

func TestMain(m *testing.M) {
	os.Exit(run(m))
}

func run(m *testing.M) int {
	cc := os.Getenv("CC")
	if cc == "" {
		cc = "cc"
	}
	if _, err := exec.LookPath(cc); err != nil {
		built.noCompiler = fmt.Sprintf("no C compiler: %v", err)
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "fbhost")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	built.host, built.recorder = filepath.Join(dir, "fbhost"), filepath.Join(dir, "recorder.so")
	sources, err := filepath.Glob("*.c")
	if err != nil || len(sources) == 0 {
		fmt.Fprintln(os.Stderr, "no C sources here", err)
		return 1
	}
	flags := []string{"-O2", "-g", "-Wall", "-Wextra", "-Werror", "-pthread"}
	host := append(append(flags[:len(flags):len(flags)], "-rdynamic", "-o", built.host), sources...)
	recorder := append(flags[:len(flags):len(flags)], "-shared", "-fPIC", "-o", built.recorder, "testdata/recorder.c")
	for _, args := range [][]string{append(host, "-ldl"), recorder} {
		if out, err := exec.Command(cc, args...).CombinedOutput(); err != nil {
			fmt.Fprintf(os.Stderr, "cannot compile: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}

// host is one configuration in a directory of its own, and the processes run with it.
type host struct {
	t   *testing.T
	dir string
	abi string
	env []string

	cmd *exec.Cmd
	log syncBuffer
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func newHost(t *testing.T, abi string) *host {
	t.Helper()
	if built.noCompiler != "" {
		if os.Getenv("CI") == "true" {
			t.Fatal(built.noCompiler)
		}
		t.Skip(built.noCompiler)
	}
	t.Parallel() // most of a test is waiting
	h := &host{t: t, dir: t.TempDir(), abi: abi}
	t.Cleanup(h.kill)
	return h
}

func (h *host) path(name string) string { return filepath.Join(h.dir, name) }

// write creates a file; DIR in its text becomes the test's directory.
func (h *host) write(name, text string) {
	h.t.Helper()
	if err := os.WriteFile(h.path(name), []byte(strings.ReplaceAll(text, "DIR", h.dir)), 0o600); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) append(name, text string) {
	h.t.Helper()
	f, err := os.OpenFile(h.path(name), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := f.WriteString(text); err != nil {
		h.t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		h.t.Fatal(err)
	}
}

// read returns a file's content, empty while there is none.
func (h *host) read(name string) string {
	b, err := os.ReadFile(h.path(name))
	if err != nil && !os.IsNotExist(err) {
		h.t.Fatal(err)
	}
	return string(b)
}

func (h *host) start(args ...string) {
	h.t.Helper()
	args = append([]string{"-c", h.path("fb.conf"), "-e", built.recorder, "--abi", h.abi}, args...)
	h.cmd = exec.Command(built.host, args...)
	h.cmd.Env = append(os.Environ(), h.env...)
	h.cmd.Stderr = &h.log
	if err := h.cmd.Start(); err != nil {
		h.t.Fatal(err)
	}
}

// wait returns the exit code, or -1 after a signal.
func (h *host) wait() int {
	h.t.Helper()
	cmd := h.cmd
	late := time.AfterFunc(deadline, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait()
	if !late.Stop() {
		h.t.Fatalf("fbhost did not end:\n%s", h.log.String())
	}
	h.cmd = nil
	return cmd.ProcessState.ExitCode()
}

func (h *host) once(args ...string) int {
	h.t.Helper()
	h.start(append([]string{"--once"}, args...)...)
	return h.wait()
}

func (h *host) signal(sig syscall.Signal) {
	h.t.Helper()
	if err := h.cmd.Process.Signal(sig); err != nil {
		h.t.Fatal(err)
	}
}

func (h *host) kill() {
	if h.cmd != nil {
		_ = h.cmd.Process.Kill()
		_ = h.cmd.Wait()
		h.cmd = nil
	}
}

func (h *host) until(what string, done func() bool) {
	h.t.Helper()
	for end := time.Now().Add(deadline); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			h.t.Fatalf("waited in vain for %s; log:\n%s", what, h.log.String())
		}
	}
}

// flush is one call of FLBPluginFlushCtx.
type flush struct {
	tag  string
	data []byte
}

// flushes reads what the recorder wrote; a last entry that a kill cut short does not count.
func (h *host) flushes(name string) []flush {
	h.t.Helper()
	var all []flush
	take := func(b []byte) (part, rest []byte, ok bool) {
		if len(b) < 4 {
			return nil, nil, false
		}
		n := binary.LittleEndian.Uint32(b)
		if uint64(len(b)-4) < uint64(n) {
			return nil, nil, false
		}
		return b[4 : 4+n], b[4+n:], true
	}
	for b := []byte(h.read(name)); ; {
		tag, rest, ok := take(b)
		if !ok {
			return all
		}
		data, rest, ok := take(rest)
		if !ok {
			return all
		}
		all = append(all, flush{string(tag), data})
		b = rest
	}
}
