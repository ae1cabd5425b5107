package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

// digest is how long an agent gets to make records of what it has read: a hundred times what it
// takes.
const digest = 500 * time.Millisecond

// awaitReading waits until the agent has read what was written. Fluent Bit 1.9 loses the lines that
// it reads when SIGTERM comes, before any output sees them: its signal handler pauses the input in
// the middle of a buffer, whose rest is then refused ("is paused, cannot append records") although
// the offset behind it is kept. What is on its way to the domain is another matter.
func (n *node) awaitReading() error {
	logs, err := filepath.Glob(filepath.Join(n.dir, "pods", "*", "*", "*.log"))
	if err != nil || len(logs) == 0 {
		return fmt.Errorf("cannot find the pods' logs in %q: %w", n.dir, err)
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var since time.Time // that it has read everything
	for deadline := time.Now().Add(stack.Patience); n.agent.Running(); <-tick.C {
		all := true
		for _, log := range logs {
			read, size, err := readBy(n.agent.Pid(), log)
			if err != nil {
				return err
			}
			all = all && read == size
		}
		switch {
		case time.Now().After(deadline):
			return errors.New("cannot see that the agent reads everything")
		case !all:
			since = time.Time{}
		case since.IsZero():
			since = time.Now()
		case time.Since(since) > digest:
			return nil
		}
	}
	return nil
}

// readBy tells how far a process has read a file, -1 if it has not opened it, and how large the
// file is.
func readBy(pid int, path string) (read, size int64, err error) {
	file, err := os.Stat(path)
	if err != nil {
		return -1, 0, fmt.Errorf("cannot look at a log: %w", err)
	}
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	open, err := os.ReadDir(filepath.Join(proc, "fd"))
	if err != nil {
		return -1, 0, fmt.Errorf("cannot see which files the agent has open: %w", err)
	}
	for _, fd := range open {
		other, err := os.Stat(filepath.Join(proc, "fd", fd.Name()))
		if err != nil || !os.SameFile(file, other) {
			continue // closed meanwhile, or another file
		}
		info, err := os.ReadFile(filepath.Join(proc, "fdinfo", fd.Name()))
		if err != nil {
			continue
		}
		line, _, _ := bytes.Cut(bytes.TrimPrefix(info, []byte("pos:\t")), []byte("\n"))
		if read, err = strconv.ParseInt(string(line), 10, 64); err != nil {
			return -1, 0, fmt.Errorf("cannot read how far the agent is: %w", err)
		}
		return read, file.Size(), nil
	}
	return -1, file.Size(), nil
}
