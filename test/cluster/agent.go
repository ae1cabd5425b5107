package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
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
