// Command cluster does the eight steps of the README's install section on a Kubernetes node of real parts on this machine, as root,
// and prints what a person wants to know. It ends by itself and leaves nothing behind.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"out_opensearch_irsa/test/cluster/node"
)

func main() {
	node.RunAsInit()
	keep := flag.Bool("keep", false, "leave everything running until interrupted")
	lines := flag.Int("lines", 10_000, "how many log lines the application writes")
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
	s, err := newSite(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	fmt.Println("building images")
	if err := s.buildImages(ctx); err != nil {
		return err
	}
	fmt.Println("starting")
	if err := s.start(ctx); err != nil {
		return err
	}
	out, err := s.node.Kubectl(ctx, "", "get", "nodes", "-o", "wide")
	fmt.Println(out, err)
	if keep {
		<-ctx.Done()
	}
	return nil
}
