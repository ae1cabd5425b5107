package node

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// initName is what the first process of the node's namespaces is called: ours, under another name.
const initName = "opensearch-irsa-node"

// RunAsInit is to be called first by every program that may start a node: where the program was
// started as the node's first process, it does that process's work and does not return.
func RunAsInit() {
	if os.Args[0] == sweeperName {
		sweep()
	}
	if os.Args[0] != initName {
		return
	}
	if err := prepareMounts(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "cannot prepare the node:", err)
		os.Exit(1)
	}
	fmt.Println("ready")
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when whoever started us does, however that happens
		os.Exit(0)                           // and with us the kernel ends everything in our namespaces
	}()
	for {
		// Containers' shims, whose parents are gone, are ours to reap.
		if _, err := syscall.Wait4(-1, nil, 0, nil); err != nil {
			time.Sleep(100 * time.Millisecond) // there is no child right now
		}
	}
}

// sysctls are the machine's, not a namespace's, and the kubelet sets them: it gets a file for each
// instead.
var sysctls = []string{
	"vm/overcommit_memory", "vm/panic_on_oom", "kernel/panic", "kernel/panic_on_oops", "kernel/keys/root_maxkeys", "kernel/keys/root_maxbytes",
}

// prepareMounts gives the node a /var and a /run of its own, but for the folders to keep, and a
// disk for the agent's state.
func prepareMounts(dir string, keep []string) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", 0, ""); err != nil {
		return fmt.Errorf("cannot mount /proc: %w", err)
	}
	for n, name := range sysctls {
		value, err := os.ReadFile(filepath.Join("/proc/sys", name))
		if err != nil {
			continue // this kernel has no such thing
		}
		file := filepath.Join(dir, fmt.Sprintf("sysctl-%d", n))
		if err := os.WriteFile(file, value, 0o600); err != nil {
			return err
		}
		if err := bind(file, filepath.Join("/proc/sys", name)); err != nil {
			return err
		}
	}
	fresh := filepath.Join(dir, "var")
	for _, name := range []string{"log/pods", "log/containers", "lib/cni", "fluent-bit"} {
		if err := os.MkdirAll(filepath.Join(fresh, name), 0o755); err != nil {
			return err
		}
	}
	if err := os.Symlink("/run", filepath.Join(fresh, "run")); err != nil {
		return err
	}
	for _, path := range keep {
		if below, is := strings.CutPrefix(path, "/var/"); is {
			at := filepath.Join(fresh, below)
			if err := os.MkdirAll(at, 0o755); err != nil {
				return err
			}
			if err := bind(path, at); err != nil {
				return err
			}
		}
	}
	if err := unix.Mount(fresh, "/var", "", unix.MS_BIND|unix.MS_REC, ""); err != nil {
		return fmt.Errorf("cannot mount %q on /var: %w", fresh, err)
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", 0, "mode=755"); err != nil {
		return fmt.Errorf("cannot mount /run: %w", err)
	}
	if err := mountDisk(filepath.Join(dir, "state.img"), StatePath); err != nil {
		return err
	}
	resolver := filepath.Join(dir, "resolv.conf")
	if err := os.WriteFile(resolver, []byte("nameserver "+Address+"\n"), 0o644); err != nil {
		return err
	}
	if err := bind(resolver, "/etc/resolv.conf"); err != nil {
		return err
	}
	return unix.Sethostname([]byte(Name))
}

func bind(from, to string) error {
	if err := unix.Mount(from, to, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("cannot mount %q on %q: %w", from, to, err)
	}
	return nil
}

// StatePath is where the agent keeps its state on the node.
const StatePath = "/var/fluent-bit"

// stateDisk is the size of the disk that the agent's state folder is on, so that a test can fill
// it.
const stateDisk = 512 << 20

func mountDisk(image, at string) error {
	file, err := os.Create(image)
	if err == nil {
		err = file.Truncate(stateDisk)
		_ = file.Close()
	}
	if err != nil {
		return err
	}
	for _, command := range [][]string{{"mkfs.ext4", "-q", "-m", "0", image},
		{"mount", "-o", "loop", image, at}} {
		if out, err := exec.Command(command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("%v: %w: %s", command, err, out)
		}
	}
	return os.Remove(image) // it lasts as long as the mount
}
