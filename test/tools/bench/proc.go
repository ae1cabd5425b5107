package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

var ctxBackground = context.Background()

// child is a process of ours that prints one line when it is ready. The kernel kills it when we
// die.
type child struct{ command *exec.Cmd }

func startChild(path string, arguments ...string) (*child, string, error) {
	command := exec.Command(path, arguments...)
	command.Stderr = os.Stderr
	command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := command.StdoutPipe()
	if err == nil {
		err = command.Start()
	}
	if err != nil {
		return nil, "", fmt.Errorf("cannot start %q: %w", path, err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	c := &child{command}
	if err != nil {
		c.kill()
		return nil, "", fmt.Errorf("cannot read what %q prints: %w", path, err)
	}
	return c, strings.TrimSpace(line), nil
}

func (c *child) kill() {
	_ = c.command.Process.Kill()
	_ = c.command.Wait()
}

// outputCPU is the CPU time that the output of a Fluent Bit took so far: that of every thread but
// the process's own, the engine's and the logger's. Threads of a Go runtime carry the name of the
// thread that started them, so of the engine's and the logger's names only the first thread is
// theirs.
func outputCPU(pid int) (time.Duration, error) {
	directories, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
	if err != nil || len(directories) == 0 {
		return 0, fmt.Errorf("cannot read the threads of process %d: %w", pid, err)
	}
	var threads []int
	for _, d := range directories {
		if tid, err := strconv.Atoi(filepath.Base(d)); err == nil && tid != pid {
			threads = append(threads, tid)
		}
	}
	slices.Sort(threads)
	hosts := map[string]bool{"flb-pipeline": true, "flb-logger": true}
	var total time.Duration
	for _, tid := range threads {
		name, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/comm", pid, tid))
		if err != nil {
			continue // it has ended
		}
		if n := strings.TrimSpace(string(name)); hosts[n] {
			delete(hosts, n)
			continue
		}
		cpu, err := runTime(fmt.Sprintf("/proc/%d/task/%d/schedstat", pid, tid))
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			return 0, err
		}
		total += cpu
	}
	return total, nil
}

// processCPU is the CPU time of all threads of a process, those that have ended included, to the
// kernel's clock tick.
func processCPU(pid int) (time.Duration, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, fmt.Errorf("cannot read a process's CPU time: %w", err)
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 13 {
		return 0, fmt.Errorf("cannot read a process's CPU time: %q", text)
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	const ticks = 100 // USER_HZ, on every architecture that Go runs on
	return time.Duration(user+system) * time.Second / ticks, errors.Join(err1, err2)
}

// runTime reads the time on a CPU from a schedstat file.
func runTime(path string) (time.Duration, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), " ")
	ns, err := strconv.ParseInt(first, 10, 64)
	return time.Duration(ns), err
}

// memory is VmRSS or VmHWM of a process, in bytes.
func memory(pid int, field string) (int64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, fmt.Errorf("cannot read a process's memory: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, field+":"); ok {
			kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return kib << 10, err
		}
	}
	return 0, fmt.Errorf("cannot read a process's memory: no %s", field)
}
