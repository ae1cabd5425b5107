// Command bootstrap puts onto a domain what it needs besides logs: see package bootstrap.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"out_opensearch_irsa/internal/bootstrap"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := bootstrap.Run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}
