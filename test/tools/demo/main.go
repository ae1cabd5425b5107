// Command demo shows the whole path on one machine: an application writes log lines as containers
// do, Fluent Bit with the shipped fluent-bit.conf reads them, the plugin signs them with
// credentials got for a service account's token, and a real OpenSearch behind a domain's front door
// makes them searchable. It prints what a person wants to know, and ends by itself.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"out_opensearch_irsa/test/fixtures/ports"
	"out_opensearch_irsa/test/fixtures/stack"
)

func main() {
	keep := flag.Bool("keep", false, "leave everything running until interrupted")
	lines := flag.Int("lines", 10_000, "how many log lines the application writes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *keep, *lines); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, keep bool, lines int) (err error) {
	began := time.Now()
	step := func(format string, args ...any) {
		fmt.Printf("[%4.1f s] %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	host, err := stack.FindFluentBit(ctx)
	if err != nil {
		return err
	}
	step("starting OpenSearch %s with its security plugin, STS and the domain's front door "+
		"(about 20 s)", os.Getenv("OPENSEARCH_VERSION"))
	s, err := stack.New(ctx, stack.Options{OpenSearchHome: os.Getenv("OPENSEARCH_HOME")})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()

	node, err := stack.NewNodeDir()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(node)) }()
	pods, err := stack.NewPods(node, "shop", stack.ShopPods...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, pods.Close()) }()
	if err := s.Kube.PutPods("shop", stack.ShopPods...); err != nil {
		return err
	}

	step("starting %s with fluent-bit.conf", host.Version)
	agent, err := startAgent(host, s, node)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, agent.Close()) }()
	if err := agent.WaitStarted(ctx); err != nil {
		return err
	}

	step("the application writes %d lines in 3 pods", lines)
	wrote := time.Now()
	if err := pods.WriteLines(lines); err != nil {
		return err
	}
	took, err := waitUntilSearchable(ctx, s, lines, wrote)
	if err != nil {
		return fmt.Errorf("%w; Fluent Bit's last lines:\n%s", err, agent.Tail(15))
	}
	step("all of them are searchable")
	if err := report(ctx, s, lines, took); err != nil {
		return err
	}
	if keep {
		fmt.Printf("\nleft running; Ctrl-C ends it, or: kill %d\n  OpenSearch   %s (user %s, "+
			"password %s, CA %s)\n  front door   %s\n  STS          %s\n  log files    %s\n",
			os.Getpid(), s.OpenSearch.URL, s.OpenSearch.Username, s.OpenSearch.Password, s.CAFile, s.Endpoint(), s.STSServer.URL(), pods.Glob())
		<-ctx.Done()
	}
	step("stopping")
	return agent.Stop(45 * time.Second)
}

// startAgent runs Fluent Bit as the image does: with the shipped configuration, everything else in
// the environment.
func startAgent(host stack.FluentBitHost, s *stack.Stack, dir string) (*stack.FluentBit, error) {
	root, err := stack.ModuleRoot()
	if err != nil {
		return nil, err
	}
	node, err := stack.NewNode(dir, "")
	if err != nil {
		return nil, err
	}
	port, err := ports.Free()
	if err != nil {
		return nil, err
	}
	return stack.StartFluentBit(host, stack.FluentBitOptions{
		Config: filepath.Join(root, "fluent-bit.conf"),
		Env:    append(append(s.Env(), node.Env()...), "FLUENT_BIT_HTTP_PORT="+port),
	})
}

// indices are those that the shipped configuration makes, one for each day.
const indices = "eks-log-*"

func waitUntilSearchable(ctx context.Context, s *stack.Stack, want int,
	since time.Time) (time.Duration, error) {
	err := stack.Poll(ctx, stack.Patience, func() error {
		if err := s.OpenSearch.Refresh(ctx, indices); err != nil {
			return err
		}
		n, err := s.OpenSearch.Count(ctx, indices)
		if err == nil && n < want {
			err = fmt.Errorf("%d of %d lines are searchable", n, want)
		}
		return err
	})
	return time.Since(since), err
}

func report(ctx context.Context, s *stack.Stack, want int, took time.Duration) error {
	found, err := s.OpenSearch.Count(ctx, indices)
	if err != nil {
		return err
	}
	_, answer, err := s.OpenSearch.Do(ctx, "POST", "/"+indices+"/_search",
		`{"size":1,"sort":[{"@timestamp":"desc"}]}`)
	if err != nil {
		return err
	}
	return stack.Arrival{
		Signer: s.FrontDoor.Stats().LastCaller, Endpoint: s.Endpoint(),
		Written: want, Documents: found, Took: took, Newest: answer,
	}.Print()
}
