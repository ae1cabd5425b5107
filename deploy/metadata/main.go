// Command metadata keeps what the cluster knows of a node's pods in files, for Fluent Bit's
// kubernetes filter: see package podmetadata.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"out_opensearch_irsa/internal/podmetadata"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := podmetadata.Run(ctx, os.Args[1:], os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}
