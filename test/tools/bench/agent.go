package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"text/tabwriter"

	"out_opensearch_irsa/test/fixtures/stack"
)

// row is one line of the agent's table: what each output cost, round by round.
type row struct {
	corpus  corpus
	mode    mode
	workers int

	ours, builtIn []measurement
}

func (r *row) name() string {
	return fmt.Sprintf("%s %s %d", r.corpus.name, r.mode.name,
		r.workers)
}

// benchAgent measures the node's side: Fluent Bit with this plugin, and with the built-in output.
func benchAgent(ctx context.Context, s settings) (err error) {
	host, err := stack.FindFluentBit(ctx)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "corpus-")
	if err != nil {
		return fmt.Errorf("cannot make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	rows, err := makeRows(s, dir)
	if err != nil {
		return err
	}
	sink, err := startSink()
	if err != nil {
		return err
	}
	defer sink.close()

	outputs := []output{loaded(s.plugin), builtIn}
	switch {
	case s.against != "":
		outputs[1] = loaded(s.against)
	case host.TestHost:
		outputs = outputs[:1]
	}
	for round := range s.rounds {
		for _, r := range rows {
			for turn := range outputs {
				which := (round + turn) % len(outputs) // neither is always the first
				o := outputs[which]
				t := trial{host: host, sink: sink, corpus: r.corpus, output: o, mode: r.mode,
					workers: r.workers}
				m, err := t.run(ctx)
				if err != nil {
					return err
				}
				fmt.Fprintf(os.Stderr, "round %d of %d, %s, %s: %.3f µs\n", round+1, s.rounds,
					r.name(), o.name, m.cpu)
				if which == 0 {
					r.ours = append(r.ours, m)
				} else {
					r.builtIn = append(r.builtIn, m)
				}
			}
		}
	}
	if s.against != "" {
		fmt.Printf("Instead of the built-in output: %s\n", s.against)
	}
	printRows(rows, host, s.rounds)
	if s.svg == "" || host.TestHost || s.against != "" { // the drawing is of the comparison with the built-in output
		return nil
	}
	return drawRows(rows, host, s.svg)
}

// makeRows writes the corpora and returns the table's rows.
func makeRows(s settings, dir string) ([]*row, error) {
	var rows []*row
	for _, c := range []corpus{{name: "cri", parser: "cri", records: s.cri},
		{name: "k8s", parser: "json", records: s.k8s}} {
		c.path = filepath.Join(dir, c.name+".log")
		used := false
		for _, m := range modes {
			for _, workers := range []int{1, 2} {
				r := &row{corpus: c, mode: m, workers: workers}
				if s.only.MatchString(r.name()) {
					rows, used = append(rows, r), true
				}
			}
		}
		if !used {
			continue
		}
		if err := c.write(); err != nil {
			return nil, err
		}
	}
	if len(rows) == 0 {
		return nil, fmt.Errorf("no row matches %q", s.only)
	}
	return rows, nil
}

// printRows prints the table: medians, and in brackets the least and the greatest.
func printRows(rows []*row, host stack.FluentBitHost, rounds int) {
	cpu := func(m measurement) float64 { return m.cpu }
	wall := func(m measurement) float64 { return m.wall }
	wire := func(m measurement) float64 { return m.wire }
	peak := func(m measurement) float64 { return m.peak }

	fmt.Printf("%s, medians of %d rounds [least-greatest]; CPU is that of the "+
		"output's own threads\n\n", host.Version, rounds)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer func() { _ = w.Flush() }()
	if len(rows[0].builtIn) == 0 {
		fmt.Fprintln(w, "corpus\tbodies\tWorkers\tCPU µs/record\twall s\twire "+
			"B/record\tpeak RSS MiB")
		for _, r := range rows {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%.1f\t%.0f\t%.0f\n", r.corpus.name, r.mode.name,
				r.workers,
				figures(r.ours, cpu), median(r.ours, wall), median(r.ours, wire), median(r.ours, peak))
		}
		fmt.Fprintln(w, "\nThe comparison with the built-in output needs Fluent Bit: put "+
			"fluent-bit on PATH, or set FLUENT_BIT.")
		return
	}
	fmt.Fprintln(w, "corpus\tbodies\tWorkers\tCPU µs/record: ours\tbuilt-in\tratio\twall s: "+
		"ours\tbuilt-in\twire B/record: ours\tbuilt-in\tpeak RSS MiB: ours\tbuilt-in")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\t%.2f\t%.1f\t%.1f\t%.0f\t%.0f\t%.0f\t%.0f\n",
			r.corpus.name, r.mode.name, r.workers,
			figures(r.ours, cpu), figures(r.builtIn, cpu), r.ratio(), median(r.ours, wall),
			median(r.builtIn, wall),
			median(r.ours, wire), median(r.builtIn, wire), median(r.ours, peak), median(r.builtIn, peak))
	}
}

// ratio is the median of the rounds' ratios: the two runs of a round saw the machine in about the
// same state.
func (r *row) ratio() float64 {
	ratios := make([]float64, len(r.ours))
	for i := range r.ours {
		ratios[i] = r.ours[i].cpu / r.builtIn[i].cpu
	}
	return middle(ratios)
}
