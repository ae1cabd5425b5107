package node

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/stack"
)

func TestMain(m *testing.M) {
	RunAsInit()
	os.Exit(m.Run())
}

// machine is what a node must leave as it was.
func machine(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, command := range []string{
		"cat /proc/self/mounts", "ls /sys/class/net", "ls /proc/sys/net/ipv4/conf", "find /sys/fs/cgroup -type d", "lsns -n -o NS,TYPE,COMMAND -t net",
		"iptables-save", "cat /proc/sys/vm/overcommit_memory /proc/sys/kernel/panic " +
			"/proc/sys/kernel/panic_on_oops /proc/sys/net/ipv4/ip_forward",
		"ls /var /run /var/log /var/lib", "losetup -a", "hostname",
	} {
		out, err := exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
		for tries := 0; err != nil && tries < 5; tries++ { // find and lsns stumble over what ends while they look
			out, err = exec.CommandContext(t.Context(), "sh", "-c", command).CombinedOutput()
		}
		if err != nil {
			t.Fatalf("%s: %v: %s", command, err, out)
		}
		for line := range strings.Lines(string(out)) {
			if !strings.HasPrefix(line, "#") && !strings.Contains(line, "/tmp") { // iptables-save dates itself, and other tests come and go
				all = append(all, line)
			}
		}
	}
	return all
}

// TestLeavesNothing makes the namespaces and daemons of a node without its Kubernetes, ends them in
// both ways, and compares the machine before and after.
func TestLeavesNothing(t *testing.T) {
	if os.Geteuid() != 0 {
		stack.Missing(t, "a Kubernetes node needs root")
	}
	if err := halfNode(t).Close(); err != nil { // and with it what an earlier run left
		t.Fatal(err)
	}
	before := machine(t)
	n := halfNode(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	addresses, err := n.Command(ctx, "ip", "-brief", "address").Output()
	if err != nil || !strings.Contains(addresses, Address) {
		t.Errorf("the node has not its address: %v: %s", err, addresses)
	}
	if name, err := n.Command(ctx, "hostname").Output(); err != nil ||
		strings.TrimSpace(name) != Name {
		t.Errorf("the node is called %q: %v", name, err)
	}
	l, err := n.Listen(Address + ":80")
	if err != nil {
		t.Fatal(err)
	}
	c, err := n.Dial(ctx, "tcp", Address+":80")
	if err != nil {
		t.Fatal(err)
	}
	_, _ = c.Close(), l.Close()
	if err := n.Command(ctx, "sh", "-c", "iptables -A INPUT -p tcp --dport 9 -j DROP && echo 7 > "+
		"/proc/sys/kernel/panic && touch /var/lib/cni/x && echo x > "+StatePath+"/x").Run(); err != nil {
		t.Error(err)
	}
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	unchanged(t, before)

	// A run that is killed closes nothing: the kernel ends what is in the namespaces, and the
	// sweeper removes the rest.
	n = halfNode(t)
	if err := n.Run("sleeper", "sleep", "600"); err != nil {
		t.Fatal(err)
	}
	_ = n.stdin.Close() // as the end of the process does
	_ = n.init.Wait()
	n.parts["sleeper"].wait()
	_ = n.lock.Close()
	if _, err := os.Stat(Dir()); err != nil {
		t.Errorf("there is nothing to remove: %v", err)
	}
	_ = n.sweeper.stdin.Close()
	_ = n.sweeper.Wait()
	unchanged(t, before)
	if _, err := os.Stat(Dir()); !os.IsNotExist(err) {
		t.Errorf("%s is left: %v", Dir(), err)
	}
}

func unchanged(t *testing.T, before []string) {
	t.Helper()
	after := machine(t)
	for _, line := range after {
		if !slices.Contains(before, line) {
			t.Errorf("left on the machine: %s", line)
		}
	}
	for _, line := range before {
		if !slices.Contains(after, line) {
			t.Errorf("gone from the machine: %s", line)
		}
	}
}

// halfNode is a node without daemons.
func halfNode(t *testing.T) *Node {
	t.Helper()
	ca, err := localaws.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(t.TempDir(), "none")
	n := &Node{dir: Dir(), parts: map[string]*part{},
		options: Options{Kubernetes: program, CoreDNS: program, Sandbox: program, CA: ca}}
	if n.lock, err = lock(); err != nil {
		t.Fatal(err)
	}
	for _, step := range []func(context.Context) error{n.prepare, n.startSweeper, n.startInit,
		n.network} {
		if err := step(t.Context()); err != nil {
			_ = n.Close()
			t.Fatal(err)
		}
	}
	return n
}

// TestOneAtATime has a second run be told of the first.
func TestOneAtATime(t *testing.T) {
	first, err := lock()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = first.Close() }()
	if _, err := lock(); err == nil || !strings.Contains(err.Error(), "another run") {
		t.Errorf("got %v", err)
	}
}
