package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"
	"time"

	"out_opensearch_irsa/test/fixtures/ports"
	"out_opensearch_irsa/test/fixtures/stack"
)

const (
	memoryWorkers = 4
	memoryLimit   = "32M" // Mem_Buf_Limit, so that what waits in Fluent Bit is the same for all
)

// benchMemory measures what a Fluent Bit takes with each output: while it delivers, afterwards, and
// while the domain is away.
func benchMemory(ctx context.Context, s settings) (err error) {
	host, err := stack.FindFluentBit(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "corpus-")
	if err != nil {
		return fmt.Errorf("cannot make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	c := corpus{name: "k8s", parser: "json", records: s.k8s, path: filepath.Join(dir, "k8s.log")}
	if err := c.write(); err != nil {
		return err
	}
	sink, err := startSink()
	if err != nil {
		return err
	}
	defer sink.close()
	away, err := ports.Free()
	if err != nil {
		return err
	}

	outputs := []output{null, loaded(s.plugin), builtIn}
	if host.TestHost {
		outputs = outputs[1:2]
	}
	fmt.Printf("\nMemory in MiB, Workers %d, gzip, Mem_Buf_Limit %s\n\n", memoryWorkers,
		memoryLimit)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer func() { _ = w.Flush() }()
	fmt.Fprintf(w, "output\tpeak\tafterwards\tdomain away: after %s\t%s\t%s\n", s.unreachable/4,
		s.unreachable/2, s.unreachable)
	for _, o := range outputs {
		t := trial{host: host, sink: sink, corpus: c, output: o, mode: modes[1],
			workers: memoryWorkers, limit: memoryLimit}
		peak, steady, err := t.settled(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.0f", o.name, peak, steady)
		if o.name != null.name {
			t.sink = &sinkProcess{address: "127.0.0.1:" + away}
			held, err := t.unanswered(ctx, s.unreachable)
			if err != nil {
				return err
			}
			fmt.Fprintf(w, "\t%.0f\t%.0f\t%.0f", held[0], held[1], held[2])
		}
		fmt.Fprintln(w)
	}
	return nil
}

// settled runs a Fluent Bit over the corpus and returns its peak, and what it takes when it has
// come to rest.
func (t trial) settled(ctx context.Context) (peak, steady float64, err error) {
	if err := t.sink.reset(); err != nil {
		return 0, 0, err
	}
	agent, clean, err := t.start()
	if err != nil {
		return 0, 0, err
	}
	defer clean()
	defer func() { _ = agent.Close() }()
	if t.output.name != null.name {
		if _, err := t.wait(ctx, agent); err != nil {
			return 0, 0, err
		}
	}
	if err := rest(ctx, agent.Pid()); err != nil {
		return 0, 0, err
	}
	peak, err = mebibytes(agent.Pid(), "VmHWM")
	if err == nil {
		steady, err = mebibytes(agent.Pid(), "VmRSS")
	}
	return peak, steady, err
}

// unanswered runs a Fluent Bit whose domain is away, and returns what it takes after a quarter of
// the time, half of it, and all.
func (t trial) unanswered(ctx context.Context, whole time.Duration) (held [3]float64, err error) {
	agent, clean, err := t.start()
	if err != nil {
		return held, err
	}
	defer clean()
	defer func() { _ = agent.Close() }()
	began := time.Now()
	for n, after := range []time.Duration{whole / 4, whole / 2, whole} {
		select {
		case <-time.After(time.Until(began.Add(after))):
		case <-ctx.Done():
			return held, ctx.Err()
		}
		if held[n], err = mebibytes(agent.Pid(), "VmRSS"); err != nil {
			return held, err
		}
	}
	return held, nil
}

func mebibytes(pid int, field string) (float64, error) {
	n, err := memory(pid, field)
	return float64(n) / (1 << 20), err
}
