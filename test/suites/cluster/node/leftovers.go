package node

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// Dir is the one place where a node keeps its files.
func Dir() string { return filepath.Join(os.TempDir(), "opensearch-irsa-node") }

// cgroupName is the cgroup below which the kubelet makes those of its pods.
const cgroupName = "opensearch-irsa-node"

// lock makes sure that there is one node at a time on this machine. The lock ends with the process.
func lock() (*os.File, error) {
	file, err := os.OpenFile(Dir()+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = file.Close()
		return nil, fmt.Errorf("another run has its node on this machine: %s.lock is locked", Dir())
	}
	return file, nil
}

// removeLeftovers ends and removes what a killed run may have left. Its processes end by
// themselves; this waits for that.
func removeLeftovers() error {
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		pids := processesNamed(initName)
		if len(pids) == 0 {
			break
		}
		for _, pid := range pids {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("processes %v of an earlier node do not end", pids)
		}
	}
	return errors.Join(removeCgroups(), os.RemoveAll(Dir()))
}

func processesNamed(name string) []int {
	var pids []int
	entries, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, entry := range entries {
		text, err := os.ReadFile(entry)
		if first, _, _ := bytes.Cut(text, []byte{0}); err == nil && string(first) == name {
			if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(entry))); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// cgroups are where our cgroup is: in each hierarchy of version 1, or in the one of version 2.
func cgroups() []string {
	found, _ := filepath.Glob(filepath.Join("/sys/fs/cgroup", "*", cgroupName))
	if _, err := os.Stat(filepath.Join("/sys/fs/cgroup", cgroupName)); err == nil {
		found = append(found, filepath.Join("/sys/fs/cgroup", cgroupName))
	}
	return found
}

// makeCgroups makes ours, which the kubelet wants to find.
func makeCgroups() error {
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err == nil {
		return os.MkdirAll(filepath.Join("/sys/fs/cgroup", cgroupName), 0o755)
	}
	hierarchies, err := filepath.Glob("/sys/fs/cgroup/*/cgroup.procs")
	for _, file := range hierarchies {
		err = errors.Join(err, os.MkdirAll(filepath.Join(filepath.Dir(file), cgroupName), 0o755))
	}
	return err
}

// removeCgroups removes ours, innermost first. The kernel needs a moment after the end of the last
// process.
func removeCgroups() error {
	var failed error
	for _, top := range cgroups() {
		var dirs []string
		_ = filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.IsDir() {
				dirs = append(dirs, path)
			}
			return nil
		})
		for n := len(dirs) - 1; n >= 0; n-- {
			err := syscall.Rmdir(dirs[n])
			for range 50 {
				if !errors.Is(err, syscall.EBUSY) {
					break
				}
				time.Sleep(20 * time.Millisecond)
				err = syscall.Rmdir(dirs[n])
			}
			if err != nil && !errors.Is(err, syscall.ENOENT) {
				failed = errors.Join(failed, fmt.Errorf("cannot remove cgroup %q: %w", dirs[n], err))
			}
		}
	}
	return failed
}
