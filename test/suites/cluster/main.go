// Command cluster does the numbered steps of the installation guide on a Kubernetes node of real
// parts on this machine, as root, and prints what a person wants to know. It ends by itself and
// leaves nothing behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
	"out_opensearch_irsa/test/suites/cluster/node"
)

func main() {
	node.RunAsInit()
	keep := flag.Bool("keep", false, "leave everything running until interrupted")
	lines := flag.Int("lines", 10_000, "how many log lines the pods write that are counted")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if what := unmet(); what != "" {
		fmt.Fprintln(os.Stderr, "cluster:", what)
		os.Exit(1)
	}
	if err := run(ctx, *keep, *lines); err != nil {
		fmt.Fprintln(os.Stderr, "cluster:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, keep bool, lines int) (err error) {
	began := time.Now()
	step := func(format string, args ...any) {
		fmt.Printf("[%5.1f s] %s\n", time.Since(began).Seconds(), fmt.Sprintf(format, args...))
	}
	s, err := newSite(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	dir, err := os.MkdirTemp("", "cluster-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	step("building the image from the Dockerfile with %s, and the sample application (two "+
		"minutes the first time)", s.host.Version)
	if err := s.buildImages(ctx); err != nil {
		return err
	}
	step("starting Kubernetes, OpenSearch %s, STS, EKS's webhook and the domain's front door "+
		"(half a minute)", os.Getenv("OPENSEARCH_VERSION"))
	starting, cancel := context.WithTimeout(ctx, startTime)
	err = s.start(starting)
	cancel()
	if err != nil {
		return err
	}
	version, err := s.node.Kubectl(ctx, "", "get", "node", node.Name, "-o",
		"jsonpath={.status.nodeInfo.kubeletVersion}, {.status.nodeInfo.containerRuntimeVersion}")
	if err != nil {
		return err
	}
	step("node %s is ready: Kubernetes %s", node.Name, version)
	title := ""
	if err := s.followGuide(ctx, dir, func(now, output string) {
		if now != title {
			title = now
			step("%s", title)
		}
		for line := range strings.Lines(output) {
			fmt.Print("            ", line)
		}
	}); err != nil {
		return fmt.Errorf("%w\n%s", err, s.agentState(ctx))
	}
	took, err := s.writeAndWait(ctx, lines, step)
	if err != nil {
		return fmt.Errorf("%w\n%s", err, s.agentState(ctx))
	}
	if err := s.report(ctx, lines, took); err != nil {
		return err
	}
	if keep {
		if err := s.keep(ctx, dir); err != nil {
			return err
		}
	}
	step("stopping")
	return nil
}

// writeAndWait has three pods write lines, and waits until all are searchable.
func (s *site) writeAndWait(ctx context.Context, lines int,
	step func(string, ...any)) (time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, stack.Patience)
	defer cancel()
	names := []string{"cart", "checkout", "payments"}
	each := lines / len(names)
	step("pods %s write %d lines", strings.Join(names, ", "), each*len(names))
	began := time.Now()
	for _, name := range names {
		if err := s.runPod(ctx, "shop", name, "-lines", fmt.Sprint(each), "-word",
			"counted"); err != nil {
			return 0, err
		}
	}
	if err := s.await(ctx, word("counted"), each*len(names)); err != nil {
		return 0, err
	}
	step("all of them are searchable")
	return time.Since(began), nil
}

// report prints what make demo prints.
func (s *site) report(ctx context.Context, lines int, took time.Duration) error {
	want := lines / 3 * 3
	found, err := s.count(ctx, word("counted"))
	if err != nil {
		return err
	}
	answer, err := s.do(ctx, "POST", "/"+indexes+"/_search",
		`{"size":1,"sort":[{"@timestamp":"desc"}],"query":`+word("counted")+`}`)
	if err != nil {
		return err
	}
	return stack.Arrival{
		Signer: s.frontDoor.Stats().LastCaller, Endpoint: "https://" + domainHost,
		Written: want, Documents: found, Took: took, Newest: answer,
	}.Print()
}

// keep leaves all running, with the API server reachable from outside of the node's network.
func (s *site) keep(ctx context.Context, dir string) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }()
	go forward(listener, func() (net.Conn,
		error) {
		return s.node.Dial(ctx, "tcp", node.APIServer)
	})
	config := filepath.Join(dir, "kubeconfig")
	if err := s.node.WriteKubeconfig(config, "https://"+listener.Addr().String()); err != nil {
		return err
	}
	ca := filepath.Join(dir, "ca.pem")
	fmt.Printf(`left running; Ctrl-C ends it, or: kill %d
  export KUBECONFIG=%s
  curl --cacert %s -u '%s:%s' '%s/_cat/indices?v'

`, os.Getpid(), config, ca, s.openSearch.Username, s.openSearch.Password, s.openSearch.URL)
	<-ctx.Done()
	return nil
}
