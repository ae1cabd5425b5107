package node

import (
	"context"
	"io"
	"os"
	"os/exec"
	"syscall"
)

// sweeperName is what the process is called that outlives us if we are killed: ours, under another
// name.
const sweeperName = "opensearch-irsa-node-sweeper"

// sweeper removes what the kernel keeps by name, cgroups and files, when a run is killed.
type sweeper struct {
	*exec.Cmd
	stdin io.Closer // it works once this is closed, which the end of our process does
}

func (n *Node) startSweeper(context.Context) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.Command(program)
	command.Args = []string{sweeperName}
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is for us
	stdin, err := command.StdinPipe()
	if err != nil {
		return err
	}
	n.sweeper = &sweeper{command, stdin}
	return command.Start()
}

// stop ends it without work to do.
func (s *sweeper) stop() {
	if s != nil && s.Process != nil {
		_ = s.Process.Kill()
		_ = s.Wait()
	}
}

// sweep is what it does.
func sweep() {
	_, _ = io.Copy(io.Discard, os.Stdin)
	held, err := lock()
	if err != nil {
		os.Exit(0) // another run has begun, and with the same work
	}
	if err := removeLeftovers(); err != nil {
		os.Exit(1)
	}
	_ = os.Remove(Dir() + ".lock")
	_ = held.Close()
	os.Exit(0)
}
