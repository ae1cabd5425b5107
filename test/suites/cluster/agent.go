package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"out_opensearch_irsa/test/suites/cluster/node"
)

// webhookDown takes EKS's webhook away; webhookUp brings it back.
func (s *site) webhookDown() error {
	if s.hookServer == nil {
		return s.node.Stop("pod-identity-webhook")
	}
	return s.hookServer.Down()
}

func (s *site) webhookUp() error {
	if s.hookServer == nil {
		return s.realWebhook(os.Getenv("POD_IDENTITY_WEBHOOK"))
	}
	return s.hookServer.Up()
}

// agentProcess is our number for the agent's process in its container.
func (s *site) agentProcess() (int, error) {
	entries, err := filepath.Glob("/proc/[0-9]*/exe")
	for _, entry := range entries {
		program, err := os.Readlink(entry)
		if err == nil && program == "/fluent-bit/bin/fluent-bit" {
			return strconv.Atoi(filepath.Base(filepath.Dir(entry)))
		}
	}
	return 0, errors.Join(err, errors.New("the agent's process is not there"))
}

func (s *site) killAgent(signal syscall.Signal) error {
	pid, err := s.agentProcess()
	if err != nil {
		return err
	}
	return syscall.Kill(pid, signal)
}

// memoryPeak is the most that the agent's container took, by the kernel's count.
func (s *site) memoryPeak() (int64, error) {
	pid, err := s.agentProcess()
	if err != nil {
		return 0, err
	}
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		for file, is := range map[string]bool{
			"/sys/fs/cgroup/memory" + parts[2] + "/memory.max_usage_in_bytes": parts[1] == "memory",
			"/sys/fs/cgroup" + parts[2] + "/memory.peak":                      parts[1] == "",
		} {
			if text, err := os.ReadFile(file); is && err == nil {
				return strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			}
		}
	}
	return 0, errors.New("no cgroup tells the container's memory")
}

// rotated is how many rotated files the kubelet keeps of a pod's log.
func (s *site) rotated(pod string) int {
	found, _ := filepath.Glob(s.node.Path("/var/log/pods/shop_" + pod + "_*/app/0.log.*"))
	return len(found)
}

// awaitRoom waits until the kubelet is far from rotating a pod's log: until the file has less than
// half of what it may have, and the last rotation is so long ago that the agent has read what was
// rotated.
func (s *site) awaitRoom(ctx context.Context, pod string) error {
	return poll(ctx, 200*time.Millisecond, func() error {
		info, err := os.Stat(s.logFile(pod, "0.log"))
		if err == nil && (info.Size() > node.LogMaxSize/2 ||
			s.rotated(pod) > 0 && info.Size() < node.LogMaxSize/6) {
			err = fmt.Errorf("the log of pod %s has %d bytes: it was rotated just "+
				"now, or may be soon", pod, info.Size())
		}
		return err
	})
}

// logFile is the one of a pod in namespace shop that a pattern names, "" if there is none.
func (s *site) logFile(pod, pattern string) string {
	found, _ := filepath.Glob(s.node.Path("/var/log/pods/shop_" + pod + "_*/app/" + pattern))
	if len(found) == 0 {
		return ""
	}
	return found[0]
}

// rotatedLines are the first and the last number of a pod's lines that the kubelet rotated away.
func (s *site) rotatedLines(pod string) (first, last int, err error) {
	text, err := os.ReadFile(s.logFile(pod, "0.log.*"))
	if err != nil {
		return 0, 0, err
	}
	found := number.FindAllSubmatch(text, -1)
	if len(found) == 0 {
		return 0, 0, errors.New("there is no line in the rotated log")
	}
	first, err = strconv.Atoi(string(found[0][1]))
	if err == nil {
		last, err = strconv.Atoi(string(found[len(found)-1][1]))
	}
	return first, last, err
}
