package node

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"

	"golang.org/x/sys/unix"
)

// Every part of the node lives in namespaces of its own: for processes, mounts, network, host name
// and IPC. They end with the first process in them, which ends with us, so nothing of the node can
// outlive this process: no daemon, container, mount, interface or firewall rule. What the kernel
// keeps by name instead, which is cgroups and files, leftovers.go removes.

// inside runs f on a thread that has entered these namespaces of the process pid, and that ends
// with f: a process started by f is in them too, and a socket made by f stays in their network.
func inside(pid int, namespaces []string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // and never unlock: the thread dies with the goroutine
		if unix.Gettid() == os.Getpid() {
			// But for the first thread of a process, which Go keeps. While we hold that, another
			// goroutine gets another.
			defer runtime.UnlockOSThread()
			done <- inside(pid, namespaces, f)
			return
		}
		done <- func() error {
			if err := unix.Unshare(unix.CLONE_FS); err != nil {
				return fmt.Errorf("cannot give a thread its own root: %w", err)
			}
			for _, name := range namespaces {
				path := filepath.Join("/proc", strconv.Itoa(pid), "ns", name)
				fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
				if err != nil {
					return fmt.Errorf("cannot open %q: %w", path, err)
				}
				err = unix.Setns(fd, 0)
				_ = unix.Close(fd)
				if err != nil {
					return fmt.Errorf("cannot enter %q: %w", path, err)
				}
			}
			return f()
		}()
	}()
	return <-done
}

// start starts a command within the node.
func (n *Node) start(command *exec.Cmd) error {
	// The mounts last: before them, /proc is ours, and pid our number for the process.
	return inside(n.init.Process.Pid, []string{"ipc", "uts", "net", "pid", "mnt"}, command.Start)
}

// Command prepares a program to run within the node; Run or Output of what it returns start it.
func (n *Node) Command(ctx context.Context, name string, args ...string) *Command {
	c := &Command{Cmd: exec.CommandContext(ctx, name, args...), node: n}
	c.Env = n.env()
	return c
}

// Command is an exec.Cmd that runs within the node.
type Command struct {
	*exec.Cmd
	node *Node
}

// Run starts the command and waits for its end. An error has the end of what it wrote to its
// standard error, unless that was taken.
func (c *Command) Run() error {
	var stderr tail
	if c.Stderr == nil {
		c.Stderr = &stderr
	}
	err := c.node.start(c.Cmd)
	if err == nil {
		err = c.Wait()
	}
	if err != nil {
		return fmt.Errorf("%s %v: %w: %s", filepath.Base(c.Path), c.Args[1:], err, stderr.text)
	}
	return nil
}

// Output is Run that returns the standard output.
func (c *Command) Output() (string, error) {
	var stdout tail
	stdout.most = 64 << 20
	c.Stdout = &stdout
	err := c.Run()
	return string(stdout.text), err
}

// tail keeps the last bytes that are written to it.
type tail struct {
	most int // 0: 4 KiB
	text []byte
}

func (t *tail) Write(b []byte) (int, error) {
	most := t.most
	if most == 0 {
		most = 4 << 10
	}
	t.text = append(t.text, b...)
	if extra := len(t.text) - most; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(b), nil
}

// Listen listens within the node's network.
func (n *Node) Listen(address string) (net.Listener, error) {
	var l net.Listener
	err := inside(n.init.Process.Pid, []string{"net"}, func() (err error) {
		l, err = new(net.ListenConfig).Listen(context.Background(), "tcp", address)
		return err
	})
	return l, err
}

// Dial connects to an address, not a name, within the node's network.
func (n *Node) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	var c net.Conn
	err := inside(n.init.Process.Pid, []string{"net"}, func() (err error) {
		c, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return c, err
}

// Path is where a file of the node's is for who is not in its mounts.
func (n *Node) Path(path string) string {
	return filepath.Join("/proc", strconv.Itoa(n.init.Process.Pid), "root", path)
}

// signal sends one to a process of the node's, by our number for it.
func signal(pid int, s os.Signal) error {
	p, err := os.FindProcess(pid)
	if err != nil {
		return err
	}
	return p.Signal(s)
}
