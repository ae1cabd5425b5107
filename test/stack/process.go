package stack

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// linesKept is how many lines of a process's output are kept at least, and half of how many at most; older ones are forgotten.
const linesKept = 20_000

// process is a child in a process group of its own. It dies with us: when we are killed, the kernel kills it.
type process struct {
	command *exec.Cmd
	done    chan struct{} // closed once the child is reaped and its output read

	mu      sync.Mutex
	lines   []string      // guarded by mu
	dropped int           // guarded by mu; how many lines came before lines[0]
	grown   chan struct{} // guarded by mu; closed and replaced at each new line
}

// startProcess starts the command. Standard output and standard error become lines, and are written to mirror too unless it is nil.
func startProcess(command *exec.Cmd, mirror io.Writer) (*process, error) {
	p := &process{command: command, done: make(chan struct{}), grown: make(chan struct{})}
	if command.SysProcAttr == nil {
		command.SysProcAttr = &syscall.SysProcAttr{}
	}
	command.SysProcAttr.Setpgid = true
	command.SysProcAttr.Pdeathsig = syscall.SIGKILL
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	command.Stdout, command.Stderr = writer, writer
	err = command.Start()
	_ = writer.Close() // the child has its own
	if err != nil {
		_ = reader.Close()
		return nil, fmt.Errorf("cannot start %q: %w", command.Path, err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		p.read(reader, mirror)
	}()
	go func() {
		_ = command.Wait() // the exit status stays in ProcessState
		select {
		case <-read:
		case <-time.After(2 * time.Second): // somebody inherited the pipe; what came so far is enough
		}
		_ = reader.Close()
		close(p.done)
	}()
	return p, nil
}

func (p *process) read(from io.Reader, mirror io.Writer) {
	scanner := bufio.NewScanner(from)
	scanner.Buffer(make([]byte, 64<<10), 8<<20)
	for scanner.Scan() {
		line := scanner.Text()
		if mirror != nil {
			_, _ = io.WriteString(mirror, line+"\n") // a full disk shall not stop the test
		}
		p.mu.Lock()
		p.lines = append(p.lines, line)
		if len(p.lines) == 2*linesKept { // not at each line: that would copy them all every time, and hold up a child that says much
			p.lines = append(p.lines[:0:0], p.lines[linesKept:]...)
			p.dropped += linesKept
		}
		close(p.grown)
		p.grown = make(chan struct{})
		p.mu.Unlock()
	}
}

// since returns the lines from number n on, the number after the last, and a channel that is closed when there are more.
func (p *process) since(n int) (lines []string, next int, more <-chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	from := max(0, n-p.dropped)
	return append([]string(nil), p.lines[min(from, len(p.lines)):]...), p.dropped + len(p.lines), p.grown
}

// tail returns the last n lines, for an error message.
func (p *process) tail(n int) string {
	lines, _, _ := p.since(0)
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}

// exited tells whether the child is gone.
func (p *process) exited() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// signal sends a signal to the child alone. It is no error that it is gone.
func (p *process) signal(s syscall.Signal) error {
	if p.exited() {
		return nil
	}
	if err := p.command.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("cannot send %v to process %d: %w", s, p.command.Process.Pid, err)
	}
	return nil
}

// kill ends the whole process group at once and waits for the child.
func (p *process) kill() {
	if !p.exited() {
		_ = syscall.Kill(-p.command.Process.Pid, syscall.SIGKILL) // gone already is what we want
	}
	<-p.done
}

// stop asks the child to end and kills it after patience.
func (p *process) stop(patience time.Duration) error {
	if err := p.signal(syscall.SIGTERM); err != nil {
		return err
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		p.kill()
		return fmt.Errorf("process %d (%s) did not end within %s of SIGTERM and was killed", p.command.Process.Pid, p.command.Path, patience)
	}
}

// exitCode returns the status of a child that is gone, or -1 for one that a signal ended or that still runs.
func (p *process) exitCode() int {
	if !p.exited() {
		return -1
	}
	return p.command.ProcessState.ExitCode()
}
