package node

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// part is one daemon of the node.
type part struct {
	name    string
	command []string
	log     string
	process *exec.Cmd
	done    chan struct{} // closed when the process is gone
}

// add makes a part known. It starts by startParts.
func (n *Node) add(name string, command ...string) {
	n.parts[name] = &part{name: name, command: command,
		log: filepath.Join(n.file("log"), name+".log")}
}

// Run starts one more daemon beside those of the cluster; Restart, Stop and Pause know it by this
// name.
func (n *Node) Run(name string, command ...string) error {
	n.add(name, command...)
	return n.startPart(n.parts[name])
}

// Stop ends a daemon and leaves it ended.
func (n *Node) Stop(name string) error {
	p := n.parts[name]
	if err := signal(p.process.Process.Pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("cannot end %s: %w", name, err)
	}
	p.wait()
	return nil
}

func (n *Node) startParts(names ...string) error {
	for _, name := range names {
		if err := n.startPart(n.parts[name]); err != nil {
			return err
		}
	}
	return nil
}

func (n *Node) startPart(p *part) error {
	log, err := os.OpenFile(p.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }() // the process has its own
	program := p.command[0]
	if own := filepath.Join(n.file("bin"), program); exists(own) {
		program = own
	}
	p.process = exec.Command(program, p.command[1:]...)
	p.process.Args[0] = p.command[0]
	p.process.Env, p.process.Dir = n.env(), n.dir
	p.process.Stdout, p.process.Stderr = log, log
	p.process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := n.start(p.process); err != nil {
		return fmt.Errorf("cannot start %s: %w", p.name, err)
	}
	p.done = make(chan struct{})
	process, done := p.process, p.done
	go func() {
		_ = process.Wait()
		close(done)
	}()
	return nil
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func (p *part) ended() bool {
	if p.done == nil {
		return false
	}
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *part) wait() {
	if p.done != nil {
		<-p.done
	}
}

// Restart ends a daemon by a signal and starts it again, as its supervisor would, until the kubelet
// answers: it ends by itself, and is started again, where containerd does not answer yet.
func (n *Node) Restart(ctx context.Context, name string, s os.Signal) error {
	p := n.parts[name]
	if err := signal(p.process.Process.Pid, s); err != nil {
		return fmt.Errorf("cannot end %s: %w", name, err)
	}
	p.wait()
	for {
		for _, one := range []*part{p, n.parts["kubelet"]} {
			if one.ended() {
				if err := n.startPart(one); err != nil {
					return err
				}
			}
		}
		healthy, err := n.Kubectl(ctx, "", "get", "--raw", "/api/v1/nodes/"+Name+"/proxy/healthz")
		if err == nil && healthy == "ok" && !n.parts["kubelet"].ended() {
			return nil
		}
		select {
		case <-time.After(500 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the kubelet does not answer after %s was restarted: %w: %w", name,
				ctx.Err(), err)
		}
	}
}

// Pause stops a daemon where it is: whoever asks it gets no answer. Resume lets it go on.
func (n *Node) Pause(name string) error {
	return signal(n.parts[name].process.Process.Pid, syscall.SIGSTOP)
}

// Resume is the end of a Pause.
func (n *Node) Resume(name string) error {
	return signal(n.parts[name].process.Process.Pid, syscall.SIGCONT)
}

func lastLines(file string, most int) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-most):], "\n")
}
