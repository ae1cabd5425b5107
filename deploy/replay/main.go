// Command replay sends dead letters again. Its code is internal/replay.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"out_opensearch_irsa/internal/replay"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // so that a second signal ends it at once
	code := replay.Run(ctx, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
	os.Exit(code)
}
