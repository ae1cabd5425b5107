package stack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// FluentBitHost is a program that loads the plugin: a real Fluent Bit, or the test host that stands in for one.
type FluentBitHost struct {
	Path     string
	TestHost bool   // test/fbhost, which takes --abi
	Version  string // first line of what --version says, as "Fluent Bit v5.1.1"
}

// FindFluentBit looks for $FLUENT_BIT, then fluent-bit on PATH, then bin/fbhost of this module. A FLUENT_BIT that does not work is an
// error: whoever set it does not want another.
func FindFluentBit(ctx context.Context) (FluentBitHost, error) {
	host := FluentBitHost{Path: os.Getenv("FLUENT_BIT")}
	if host.Path == "" {
		if path, err := exec.LookPath("fluent-bit"); err == nil {
			host.Path = path
		}
	}
	if host.Path == "" {
		root, err := ModuleRoot()
		if err != nil {
			return FluentBitHost{}, err
		}
		host = FluentBitHost{Path: filepath.Join(root, "bin", "fbhost"), TestHost: true}
		if _, err := os.Stat(host.Path); err != nil {
			return FluentBitHost{}, fmt.Errorf("cannot find fluent-bit on PATH nor the test host: install one or run make bin/fbhost: %w", err)
		}
	} else if filepath.Base(host.Path) == "fbhost" {
		host.TestHost = true
	}
	output, err := exec.CommandContext(ctx, host.Path, "--version").CombinedOutput()
	if err != nil {
		return FluentBitHost{}, fmt.Errorf("cannot ask %q for its version: %w: %.1024s", host.Path, err, output)
	}
	host.Version, _, _ = strings.Cut(strings.TrimSpace(string(output)), "\n")
	return host, nil
}

// FluentBitOptions describes a run. Config is required.
type FluentBitOptions struct {
	Config  string    // path of the configuration file
	Plugins []string  // shared objects, each given with -e
	Env     []string  // NAME=value; with PATH, HOME and TMPDIR all that the process sees
	ABI     string    // 1.9, 4.2 or 5.1, for the test host only; "" leaves it its own default
	Dir     string    // working directory; "" means ours
	Log     io.Writer // gets the log too; nil means nobody does
}

// FluentBit is a running agent, or one that ended.
type FluentBit struct {
	process *process
	marked  int // number of the first line that WaitLog looks at
}

// StartFluentBit starts an agent. It does not wait for anything: see WaitLog.
func StartFluentBit(host FluentBitHost, o FluentBitOptions) (*FluentBit, error) {
	arguments := []string{"-c", o.Config}
	for _, plugin := range o.Plugins {
		arguments = append(arguments, "-e", plugin)
	}
	if host.TestHost && o.ABI != "" {
		arguments = append(arguments, "--abi", o.ABI)
	}
	command := exec.Command(host.Path, arguments...)
	command.Dir = o.Dir
	// Nothing of a developer's AWS_* shall reach the agent; what the host itself may need to be loaded, and coverage, may.
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "GOCOVERDIR"} {
		if value, set := os.LookupEnv(name); set {
			command.Env = append(command.Env, name+"="+value)
		}
	}
	command.Env = append(command.Env, o.Env...)
	started, err := startProcess(command, o.Log)
	if err != nil {
		return nil, err
	}
	return &FluentBit{process: started}, nil
}

// WaitLog waits for a line that matches the regular expression and returns it. It looks at all lines since the start, or since Mark.
// It fails when the context ends, or when the agent does and no such line came.
func (f *FluentBit) WaitLog(ctx context.Context, pattern string) (string, error) {
	wanted, err := regexp.Compile(pattern)
	if err != nil {
		return "", fmt.Errorf("cannot wait for %q in the log: %w", pattern, err)
	}
	for next := f.marked; ; {
		ended := f.process.exited() // asked first: once it is true, no line comes after those that we read next
		lines, after, more := f.process.since(next)
		for _, line := range lines {
			if wanted.MatchString(line) {
				return line, nil
			}
		}
		next = after
		if ended {
			return "", fmt.Errorf("cannot find %q in the log: the agent ended with status %d; its last lines:\n%s", pattern, f.process.exitCode(), f.process.tail(20))
		}
		select {
		case <-more:
		case <-f.process.done:
		case <-ctx.Done():
			return "", fmt.Errorf("cannot find %q in the log: %w; its last lines:\n%s", pattern, ctx.Err(), f.process.tail(20))
		}
	}
}

// Mark makes WaitLog look only at lines that come from now on.
func (f *FluentBit) Mark() { _, f.marked, _ = f.process.since(0) }

// Log returns all lines so far, or the newest 20,000 at least.
func (f *FluentBit) Log() []string {
	lines, _, _ := f.process.since(0)
	return lines
}

// Tail returns the last n lines.
func (f *FluentBit) Tail(n int) string { return f.process.tail(n) }

// WaitStarted waits until the plugin has made an instance, for Patience.
func (f *FluentBit) WaitStarted(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, Patience)
	defer cancel()
	_, err := f.WaitLog(ctx, Started)
	return err
}

// Pid returns the process id, for what /proc tells of it.
func (f *FluentBit) Pid() int { return f.process.command.Process.Pid }

// Stop sends SIGTERM and waits for the end. An agent that needs longer than patience is killed, which is an error.
func (f *FluentBit) Stop(patience time.Duration) error { return f.process.stop(patience) }

// Kill ends the agent as a crash does.
func (f *FluentBit) Kill() { f.process.kill() }

// Reload sends SIGHUP, by which an agent with hot reload reads its configuration again.
func (f *FluentBit) Reload() error { return f.process.signal(syscall.SIGHUP) }

// Wait waits until the agent ends by itself and returns its exit status, -1 if a signal ended it.
func (f *FluentBit) Wait(ctx context.Context) (int, error) {
	select {
	case <-f.process.done:
		return f.process.exitCode(), nil
	case <-ctx.Done():
		return -1, fmt.Errorf("cannot wait any longer for the agent: %w", ctx.Err())
	}
}

// Running tells whether the agent has not ended.
func (f *FluentBit) Running() bool { return !f.process.exited() }

// ExitStatus returns the status of an agent that ended, -1 if a signal ended it or if it still runs.
func (f *FluentBit) ExitStatus() int { return f.process.exitCode() }

// Close kills the agent if it still runs.
func (f *FluentBit) Close() error {
	f.process.kill()
	return nil
}

// ModuleRoot returns the directory of this module's go.mod, from the working directory upwards.
func ModuleRoot() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("cannot find the module: %w", err)
	}
	for {
		document, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(document), "module out_opensearch_irsa\n") {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("cannot find the module's go.mod: run this inside the checkout")
		}
		dir = filepath.Dir(dir)
	}
}
