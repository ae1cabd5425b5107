package stack

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Pods writes container logs as the kubelet and containerd lay them out on a node: DIR/pods/NAMESPACE_POD_UID/CONTAINER/0.log, and in
// DIR/containers a link to each. Where a node has /var/log, DIR is.
type Pods struct {
	dir   string
	pods  []*pod
	lines int // written by WriteLines and WriteTraces so far, which is the number of the last one
	rest  int // of them those that go on a trace
	turn  int // of WriteTraces
}

type pod struct {
	name string
	log  *os.File
}

// NewPods makes empty logs for the named pods of a namespace, each with one container called app.
func NewPods(dir, namespace string, names ...string) (*Pods, error) {
	p := &Pods{dir: dir}
	for n, name := range names {
		uid := fmt.Sprintf("8d1f0c5e-5b1c-4d5a-9f3e-%012x", n+1)
		container := fmt.Sprintf("%064x", n+1)
		home := filepath.Join(dir, "pods", namespace+"_"+name+"_"+uid, "app")
		links := filepath.Join(dir, "containers")
		for _, d := range []string{home, links} {
			if err := os.MkdirAll(d, 0o755); err != nil {
				return nil, errors.Join(fmt.Errorf("cannot make pod %q: %w", name, err), p.Close())
			}
		}
		log, err := os.OpenFile(filepath.Join(home, "0.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		if err != nil {
			return nil, errors.Join(fmt.Errorf("cannot make the log of pod %q: %w", name, err), p.Close())
		}
		p.pods = append(p.pods, &pod{name: name, log: log})
		link := filepath.Join(links, name+"_"+namespace+"_app-"+container+".log")
		if err := os.Symlink(log.Name(), link); err != nil {
			return nil, errors.Join(fmt.Errorf("cannot link the log of pod %q: %w", name, err), p.Close())
		}
	}
	return p, nil
}

// Glob is what a tail input has as its Path.
func (p *Pods) Glob() string { return filepath.Join(p.dir, "containers", "*.log") }

// Lines returns how many numbered lines were written.
func (p *Pods) Lines() int { return p.lines }

// WriteLines writes n lines that go on counting where the last call ended, from LINE=1, to the pods in turn. Each has a time of its
// own to the nanosecond, as containerd gives it.
func (p *Pods) WriteLines(n int) error {
	for range n {
		p.lines++
		turn := p.pods[(p.lines-1)%len(p.pods)]
		text := fmt.Sprintf("LINE=%d level=info msg=\"request served\" path=/orders/%d", p.lines, p.lines)
		if err := turn.write("stdout", "F", text); err != nil {
			return err
		}
	}
	return nil
}

// traceLines are a stack trace, with the line's number.
var traceLines = []string{
	"java.lang.IllegalStateException: LINE=%d", "\tat com.example.Orders.place(Orders.java:42) LINE=%d",
	"\tat com.example.Web.post(Web.java:7) LINE=%d", "Caused by: java.net.ConnectException: LINE=%d", "\t... 14 more LINE=%d",
}

// WriteTraces writes n lines as WriteLines does, but each fifth turn of a pod is a stack trace, each line of which is written
// by itself.
func (p *Pods) WriteTraces(n int) error {
	for end := p.lines + n; p.lines < end; {
		if p.turn++; p.turn/len(p.pods)%5 > 0 {
			if err := p.WriteLines(1); err != nil {
				return err
			}
			continue
		}
		for i, text := range traceLines[:min(len(traceLines), end-p.lines)] {
			p.lines++
			if i > 0 {
				p.rest++
			}
			if err := p.pods[p.turn%len(p.pods)].write("stderr", "F", fmt.Sprintf(text, p.lines)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Documents returns how many documents the numbered lines become, where each trace is one.
func (p *Pods) Documents() int { return p.lines - p.rest }

// Write writes one line of a pod, numbered from 0: stream is stdout or stderr, tag F for a whole line and P for a part of one.
func (p *Pods) Write(n int, stream, tag, text string) error {
	return p.pods[n].write(stream, tag, text)
}

func (p *pod) write(stream, tag, text string) error {
	line := time.Now().UTC().Format("2006-01-02T15:04:05.000000000Z") + " " + stream + " " + tag + " " + text + "\n"
	if _, err := p.log.WriteString(line); err != nil {
		return fmt.Errorf("cannot write to the log of pod %q: %w", p.name, err)
	}
	return nil
}

// Rotate rotates every pod's log as the kubelet does: the file gets another name, and a new one its own.
func (p *Pods) Rotate() error {
	for _, one := range p.pods {
		name := one.log.Name()
		err := errors.Join(one.log.Close(), os.Rename(name, name+time.Now().UTC().Format(".20060102-150405.000000")))
		if err == nil {
			one.log, err = os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
		}
		if err != nil {
			return fmt.Errorf("cannot rotate the log of pod %q: %w", one.name, err)
		}
	}
	return nil
}

// Close closes the logs and leaves them where they are.
func (p *Pods) Close() error {
	var failed error
	for _, one := range p.pods {
		failed = errors.Join(failed, one.log.Close())
	}
	return failed
}
