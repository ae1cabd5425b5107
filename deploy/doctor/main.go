// Command doctor checks, where the plugin runs, every link between fluent-bit.conf and the logs in the index: see package doctor.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"out_opensearch_irsa/internal/doctor"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := doctor.Run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}
