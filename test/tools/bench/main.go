// Command bench measures what the plugin costs, beside what Fluent Bit's built-in opensearch output
// costs: whole processes, run by turns over the same corpora into the same sink. It prints tables
// of medians, and draws the first one. Its other parts measure the cluster's side, the memory, and
// the start. What each stage costs by itself is in this package's Go benchmarks.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"strings"
	"syscall"
	"time"
)

// settings are the command line.
type settings struct {
	rounds      int
	cri, k8s    int // records in each corpus
	documents   int // sent to a real server for each figure
	unreachable time.Duration
	parts       string
	only        *regexp.Regexp
	workers     []int
	window      time.Duration
	quick       bool
	svg         string
	plugin      string
	against     string
}

func main() {
	var s settings
	var only, workers string
	sinkOnly := flag.Bool("sink", false, "serve as the sink (what the other processes send to)")
	flag.IntVar(&s.rounds, "rounds", 5, "how often each figure is measured")
	flag.IntVar(&s.cri, "cri", 500_000, "records in the corpus of container lines")
	flag.IntVar(&s.k8s, "k8s", 200_000, "records in the corpus with Kubernetes metadata")
	flag.IntVar(&s.documents, "documents", 100_000, "documents sent to a real OpenSearch for "+
		"each figure of the cluster's side")
	flag.DurationVar(&s.unreachable, "unreachable", time.Minute, "for how long the domain is "+
		"away when memory is measured")
	flag.StringVar(&s.parts, "parts", "agent,node,cluster,template,memory,start",
		"which parts to run")
	flag.StringVar(&only, "only", "", "run only the rows of the agent's, the node's and the "+
		"template's tables that this regular expression matches, as in 'cri plain 1'")
	flag.StringVar(&workers, "workers", "", "the plugin's Workers in the node's table, as in "+
		"2,4,8; by default what is shipped")
	flag.DurationVar(&s.window, "window", 20*time.Second, "for how long a node is measured")
	flag.BoolVar(&s.quick, "quick", false, "one round, and little in it: to see that it works")
	flag.StringVar(&s.svg, "svg", "", "draw the comparison with the built-in output to this file")
	flag.StringVar(&s.plugin, "plugin", os.Getenv("PLUGIN_SO"), "the shared object; by default "+
		"$PLUGIN_SO, which make sets")
	flag.StringVar(&s.against, "against", "", "another build of the shared object, to measure in "+
		"the agent's table instead of the built-in output, in the node's beside it")
	flag.Parse()
	if *sinkOnly {
		if err := serveSink(); err != nil {
			fail(err)
		}
		return
	}
	var err error
	if s.only, err = regexp.Compile(only); err != nil {
		fail(fmt.Errorf("cannot use -only %q: %w", only, err))
	}
	if s.workers, err = workersList(workers); err != nil {
		fail(err)
	}
	if s.quick {
		s.rounds, s.cri, s.k8s, s.documents, s.window = 1, 50_000, 20_000, 10_000, 5*time.Second
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, s); err != nil {
		stop()
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "bench:", err)
	os.Exit(1)
}

func run(ctx context.Context, s settings) error {
	if s.plugin == "" {
		return errors.New("no shared object to measure: run make bench, or give -plugin FILE")
	}
	parts := map[string]func(context.Context, settings) error{
		"agent": benchAgent, "node": benchNode, "cluster": benchCluster, "template": benchTemplate, "memory": benchMemory, "start": benchStart,
	}
	for name := range strings.SplitSeq(s.parts, ",") {
		part := parts[name]
		if part == nil {
			return fmt.Errorf("cannot run part %q: write agent, node, cluster, "+
				"template, memory or start", name)
		}
		if err := part(ctx, s); err != nil {
			return err
		}
	}
	return nil
}
