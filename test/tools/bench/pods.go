package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// pods writes the logs of a node's containers at the pace of a shape. Each line carries the time at
// which it was written.
type pods struct {
	all     []*pod
	r       *rand.Rand
	written int64 // once start's channel has told the end
	once    sync.Once
	end     chan struct{}
}

type pod struct {
	number int
	log    *os.File
	every  time.Duration
	next   time.Time // when to write again
	lines  int
}

func newPods(dir string, s shape) (*pods, error) {
	p := &pods{r: rand.New(rand.NewPCG(7, 7)), end: make(chan struct{})}
	for i := range s.pods {
		kind := "cri"
		if i%2 == 1 {
			kind = "k8s"
		}
		log, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s-%d.log", kind, i)))
		if err != nil {
			p.close()
			return nil, fmt.Errorf("cannot make a pod's log: %w", err)
		}
		rate := s.rate
		if i == 0 && s.loud > 0 {
			rate = s.loud
		}
		p.all = append(p.all, &pod{number: i, log: log, every: time.Second / time.Duration(rate)})
	}
	return p, nil
}

// start writes until stop, and tells then whether that went well.
func (p *pods) start() <-chan error {
	now := time.Now()
	for _, pod := range p.all {
		pod.next = now.Add(rand.N(pod.every)) // they do not all write at once
	}
	done := make(chan error, 1)
	go func() {
		tick := time.NewTicker(2 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
			case <-p.end:
				done <- nil
				return
			}
			for _, pod := range p.all {
				n, err := pod.write(p.r)
				p.written += n
				if err != nil {
					done <- err
					return
				}
			}
		}
	}()
	return done
}

// write writes the lines that are due, each by itself, as a container does.
func (p *pod) write(r *rand.Rand) (n int64, err error) {
	for now := time.Now(); !now.Before(p.next); n++ {
		p.next = p.next.Add(p.every)
		at := now.UTC().AppendFormat(nil, "2006-01-02T15:04:05.000000000Z")
		mark := fmt.Appendf(nil, "%s%d", writtenMark, now.UnixNano())
		var line []byte
		if p.number%2 == 1 {
			line = appendK8sLine(nil, r, p.lines, p.number, at, mark)
		} else {
			line = appendCRILine(nil, r, p.lines, at, mark)
		}
		if _, err := p.log.Write(line); err != nil {
			return n, fmt.Errorf("cannot write a pod's log: %w", err)
		}
		p.lines++
		now = time.Now()
	}
	return n, nil
}

func (p *pods) stop() { p.once.Do(func() { close(p.end) }) }

func (p *pods) close() {
	var err error
	for _, pod := range p.all {
		err = errors.Join(err, pod.log.Close())
	}
	_ = err // whoever closes has read what was written
}
