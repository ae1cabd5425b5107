package node

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// Unmet tells what this machine lacks for a node, "" if nothing.
func Unmet() string {
	if os.Geteuid() != 0 {
		return "a Kubernetes node needs root"
	}
	for _, name := range []string{"KUBERNETES_BIN", "COREDNS_BIN"} {
		if _, err := os.Stat(os.Getenv(name)); err != nil {
			return fmt.Sprintf("%s does not name what make cluster builds: %v", name, err)
		}
	}
	for _, program := range []string{"etcd", "containerd", "ctr", "runc", "iptables", "ip",
		"mkfs.ext4", "mount"} {
		if _, err := exec.LookPath(program); err != nil {
			return program + " is not installed: make packages"
		}
	}
	if _, err := os.Stat("/usr/lib/cni/bridge"); err != nil {
		return "no CNI plugins in /usr/lib/cni: make packages"
	}
	filesystems, err := os.ReadFile("/proc/filesystems")
	if err != nil {
		return err.Error()
	}
	for _, name := range []string{"overlay", "tmpfs", "ext4"} {
		if !strings.Contains(string(filesystems), "\t"+name+"\n") {
			return "this kernel has no " + name + " file system (modprobe " + name + ")"
		}
	}
	for path, what := range map[string]string{
		"/proc/self/ns/pid": "PID namespaces", "/proc/self/ns/net": "network namespaces", "/dev/loop-control": "loop devices (modprobe loop)",
		"/proc/sys/net/bridge/bridge-nf-call-iptables": "br_netfilter (modprobe br_netfilter)", "/sys/fs/cgroup": "cgroups",
	} {
		if _, err := os.Stat(path); err != nil {
			return "this kernel has no " + what
		}
	}
	// A machine with systemd, or this one's own mounts, may have either version; hybrid ones count
	// as the first.
	if _, err := os.Stat("/sys/fs/cgroup/cgroup.controllers"); err != nil {
		for _, controller := range []string{"cpu", "cpuset", "memory", "pids", "devices",
			"freezer"} {
			if _, err := os.Stat("/sys/fs/cgroup/" + controller); err != nil {
				return "this kernel's cgroups have no controller " + controller
			}
		}
	}
	return ""
}
