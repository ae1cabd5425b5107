// Command doctor checks, where the plugin runs, every link between fluent-bit.conf and the logs in the index: see package checkup.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"out_opensearch_irsa/deploy/doctor/checkup"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := checkup.Run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv)
	stop()
	os.Exit(code)
}
