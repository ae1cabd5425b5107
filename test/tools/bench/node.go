package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/stack"
)

// shape is what runs on a node.
type shape struct {
	pods    int
	rate    int // lines a second of each pod
	loud    int // lines a second of the first pod instead; 0 for as many as the others
	cluster bool
}

func (s shape) name() string {
	name := fmt.Sprintf("%d pods x %d lines/s", s.pods, s.rate)
	if s.loud > 0 {
		name += fmt.Sprintf(", one x %d", s.loud)
	}
	return name
}

var shapes = []shape{
	{pods: 100, rate: 20, cluster: true},
	{pods: 30, rate: 200, loud: 2000, cluster: true},
	{pods: 200, rate: 10}, // for the memory that many files take
}

// nodeCost is what a node's Fluent Bit cost while it was measured.
type nodeCost struct {
	requests, documents float64 // a second; a request
	output, process     float64 // CPU, µs a line
	wire                float64 // bytes a line
	rss, threads        float64 // MiB; all of the process's
	p50, p99            float64 // s from a line's writing to its request
	cluster             float64 // CPU of a real OpenSearch, µs a document
}

// nodeRow is one line of the table.
type nodeRow struct {
	shape   shape
	output  output
	workers int
	costs   []nodeCost
	cluster []nodeCost
}

func (r *nodeRow) name() string {
	return fmt.Sprintf("%s, %s, Workers %d", r.shape.name(), r.output.name, r.workers)
}

// builtInWorkers is what the built-in output has where its section says nothing.
const builtInWorkers = 2

// warmUp is how long the node runs before it is measured.
const warmUp = 4 * time.Second

// benchNode measures what a node full of pods costs: many files that are written to all the time, a
// Fluent Bit that tails them.
func benchNode(ctx context.Context, s settings) (err error) {
	host, err := stack.FindFluentBit(ctx)
	if err != nil {
		return err
	}
	rows := nodeRows(s, host)
	if len(rows) == 0 {
		return fmt.Errorf("no row of the node's table matches %q", s.only)
	}
	sink, err := startSink()
	if err != nil {
		return err
	}
	defer sink.close()
	rounds := (s.rounds + 1) / 2
	for round := range rounds {
		for turn := range rows {
			r := rows[turn]
			if round%2 == 1 { // neither output is always the first
				r = rows[len(rows)-1-turn]
			}
			c, err := nodeTrial{host: host, row: r, window: s.window, sink: sink}.run(ctx)
			if err != nil {
				return fmt.Errorf("%s: %w", r.name(), err)
			}
			fmt.Fprintf(os.Stderr, "round %d of %d, %s: %.2f µs a line\n", round+1, rounds,
				r.name(), c.output)
			r.costs = append(r.costs, c)
		}
	}
	if err := nodeCluster(ctx, s, host, rows, rounds); err != nil {
		return err
	}
	printNode(rows, host, rounds, s)
	return nil
}

func nodeRows(s settings, host stack.FluentBitHost) (rows []*nodeRow) {
	for _, sh := range shapes {
		add := func(o output, workers int) {
			if r := (&nodeRow{shape: sh, output: o,
				workers: workers}); s.only.MatchString(r.name()) {
				rows = append(rows, r)
			}
		}
		for _, workers := range s.workers {
			add(loaded(s.plugin), workers)
			if s.against != "" {
				o := loaded(s.against)
				o.name = "the other build"
				add(o, workers)
			}
		}
		if !host.TestHost {
			add(builtIn, builtInWorkers)
		}
	}
	return rows
}

// workersList reads the option -workers; "" is the number that is shipped.
func workersList(text string) (all []int, err error) {
	if text == "" {
		root, err := stack.ModuleRoot()
		if err != nil {
			return nil, err
		}
		section, err := os.ReadFile(filepath.Join(root, "deploy/kubernetes/base/node.conf"))
		if err != nil {
			return nil, fmt.Errorf("cannot read the shipped configuration: %w", err)
		}
		found := regexp.MustCompile(`(?m)^ *Workers +(\d+)$`).FindSubmatch(section)
		if found == nil {
			return nil, errors.New("cannot find Workers in the shipped " +
				"configuration: give -workers")
		}
		text = string(found[1])
	}
	for field := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(field)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("cannot use -workers %q: write numbers such as 2,4,8", text)
		}
		all = append(all, n)
	}
	return all, nil
}

// nodeTrial is one run.
type nodeTrial struct {
	host   stack.FluentBitHost
	row    *nodeRow
	window time.Duration
	sink   *sinkProcess      // where lines go,
	server *stack.OpenSearch // or, if it is not nil, here
	ca     *localaws.CA      // of the server
}

// config is the configuration file's text. Pods of which the log brings Kubernetes metadata are
// JSON, the others CRI.
func (t nodeTrial) config(dir string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[SERVICE]\n    Flush 1\n    Grace 5\n    Log_Level warn\n    Parsers_File "+
		"%s/parsers.conf\n", dir)
	for _, kind := range []struct{ name, parser string }{{"cri", "cri"}, {"k8s", "json"}} {
		fmt.Fprintf(&b, "[INPUT]\n    Name tail\n    Tag kube.*\n    Path %s/%s-*.log\n    "+
			"Parser %s\n    Read_from_Head On\n", dir, kind.name, kind.parser)
	}
	section, address := t.row.output.settings, ""
	if t.server == nil {
		address = t.sink.address
		section += "\n    AWS_Auth Off"
	} else {
		address = strings.TrimPrefix(t.server.URL, "https://")
		section = strings.Replace(section, "http:", "https:", 1)
		section += fmt.Sprintf("\n    AWS_Auth Off\n    HTTP_User %s\n    HTTP_Passwd %s",
			t.server.Username, t.server.Password)
		if t.row.output.object != "" {
			section += fmt.Sprintf("\n    TLS_CA_File %s/ca.pem", dir)
		} else {
			section += fmt.Sprintf("\n    tls On\n    tls.ca_file %s/ca.pem", dir)
		}
	}
	fmt.Fprintf(&b, "[OUTPUT]%s\n    Match *\n    Workers %d\n    Retry_Limit no_limits\n    "+
		"Index %s\n    Compress gzip\n", section, t.row.workers, nodeIndex)
	host, port, _ := strings.Cut(address, ":")
	return strings.NewReplacer("HOST", host, "PORT", port).Replace(b.String())
}

const nodeIndex = "eks-log-node"

// run runs a Fluent Bit on a node's logs and measures a window of it. Whatever was written has to
// be delivered in the end.
func (t nodeTrial) run(ctx context.Context) (c nodeCost, err error) {
	dir, err := os.MkdirTemp("", "node-")
	if err != nil {
		return c, fmt.Errorf("cannot make a directory: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	pods, err := newPods(dir, t.row.shape)
	if err != nil {
		return c, err
	}
	defer pods.close()
	err = errors.Join(os.WriteFile(filepath.Join(dir, "parsers.conf"), []byte(parsers), 0o600),
		os.WriteFile(filepath.Join(dir, "fluent-bit.conf"), []byte(t.config(dir)), 0o600))
	if t.ca != nil {
		err = errors.Join(err, os.WriteFile(filepath.Join(dir, "ca.pem"), t.ca.PEM(), 0o600))
	}
	if err != nil {
		return c, fmt.Errorf("cannot write the configuration: %w", err)
	}
	options := stack.FluentBitOptions{Config: filepath.Join(dir, "fluent-bit.conf"), Dir: dir}
	if t.row.output.object != "" {
		options.Plugins = []string{t.row.output.object}
	}
	if err := t.reset(ctx); err != nil {
		return c, err
	}
	agent, err := stack.StartFluentBit(t.host, options)
	if err != nil {
		return c, err
	}
	defer func() { _ = agent.Close() }()
	if err := pause(ctx, time.Second); err != nil { // it finds the files
		return c, err
	}
	writing := pods.start()
	defer pods.stop()
	if err := pause(ctx, warmUp); err != nil {
		return c, err
	}
	before, err := t.look(ctx, agent)
	if err == nil {
		err = pause(ctx, t.window)
	}
	if err != nil {
		return c, err
	}
	after, err := t.look(ctx, agent)
	if err != nil {
		return c, err
	}
	pods.stop()
	if err := <-writing; err != nil {
		return c, err
	}
	if err := t.waitAll(ctx, agent, pods.written); err != nil {
		return c, err
	}
	if t.server != nil { // which may lag behind: what the last lines cost it counts too
		if after, err = t.look(ctx, agent); err != nil {
			return c, err
		}
	}
	return t.cost(before, after), nil
}

// looked is what can be seen of a run at one moment.
type looked struct {
	counts                   sinkCounts
	output, process, cluster time.Duration
	rss, threads             int64
}

func (t nodeTrial) look(ctx context.Context, agent *stack.FluentBit) (l looked, err error) {
	if l.counts, err = t.counts(ctx); err != nil {
		return l, err
	}
	pid := agent.Pid()
	if l.output, err = outputCPU(pid); err != nil {
		return l, err
	}
	if l.process, err = processCPU(pid); err != nil {
		return l, err
	}
	if t.server != nil {
		if l.cluster, err = processCPU(t.server.Pid()); err != nil {
			return l, err
		}
	}
	if l.rss, err = memory(pid, "VmRSS"); err != nil {
		return l, err
	}
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	l.threads = int64(len(threads))
	return l, err
}

func (t nodeTrial) cost(a, b looked) nodeCost {
	documents := float64(b.counts.Documents - a.counts.Documents)
	requests := float64(b.counts.Requests - a.counts.Requests)
	each := func(d time.Duration) float64 { return float64(d) / 1e3 / documents }
	return nodeCost{
		requests: requests / t.window.Seconds(), documents: documents / requests,
		output: each(b.output - a.output), process: each(b.process - a.process),
		cluster: each(b.cluster - a.cluster),
		wire:    float64(b.counts.Wire-a.counts.Wire) / documents,
		rss:     float64(b.rss) / (1 << 20), threads: float64(b.threads), p50: b.counts.LagP50,
		p99: b.counts.LagP99,
	}
}

// waitAll waits until all lines are delivered.
func (t nodeTrial) waitAll(ctx context.Context, agent *stack.FluentBit, lines int64) error {
	var counts sinkCounts
	for range 400 {
		var err error
		if counts, err = t.counts(ctx); err != nil {
			return err
		}
		if counts.Documents >= lines {
			break
		}
		if err := pause(ctx, 200*time.Millisecond); err != nil {
			return err
		}
	}
	if counts.Documents != lines {
		return fmt.Errorf("%d documents arrived of %d lines; the agent's last lines:\n%s",
			counts.Documents, lines, strings.Join(last(agent.Log(), 10), "\n"))
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func printNode(rows []*nodeRow, host stack.FluentBitHost, rounds int, s settings) {
	fmt.Printf("\nA node, %s, Flush 1, gzip, Kubernetes metadata on half of the pods' lines; "+
		"medians of %d rounds of %s [least-greatest]; CPU in µs a line, and of OpenSearch a "+
		"document\n\n",
		host.Version, rounds, s.window)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer func() { _ = w.Flush() }()
	fmt.Fprintln(w, "node\toutput\tWorkers\tCPU: "+
		"output\tprocess\trequests/s\tdocuments/request\twire B/line\tline to request s: "+
		"p50\tp99\tRSS MiB\tthreads\tOpenSearch CPU")
	for _, r := range rows {
		cluster := "-"
		if len(r.cluster) > 0 {
			cluster = figures(r.cluster, func(c nodeCost) float64 { return c.cluster })
		}
		m := func(field func(nodeCost) float64) float64 { return median(r.costs, field) }
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%.1f\t%.1f\t%.0f\t%.0f\t%.2f\t%.2f\t%.0f\t%.0f\t%s\n",
			r.shape.name(), r.output.name, r.workers,
			figures(r.costs, func(c nodeCost) float64 { return c.output }),
			m(func(c nodeCost) float64 { return c.process }),
			m(func(c nodeCost) float64 { return c.requests }),
			m(func(c nodeCost) float64 { return c.documents }),
			m(func(c nodeCost) float64 { return c.wire }),
			m(func(c nodeCost) float64 { return c.p50 }),
			m(func(c nodeCost) float64 { return c.p99 }),
			m(func(c nodeCost) float64 { return c.rss }),
			m(func(c nodeCost) float64 { return c.threads }), cluster)
	}
}
