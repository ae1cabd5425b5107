// Command sample-app logs as applications do: plain lines, JSON lines, stack traces of Go, Java and Python, and bursts. Each event has
// a number, from 1 on, so that it can be seen in the index that none is missing.
package main

import (
	"bufio"
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	events := flag.Int("events", 0, "how many events to log, 0 for no end")
	rate := flag.Float64("rate", 10, "events a second, 0 for as many as go")
	burst := flag.Int("burst", 200, "how many events come at once every so often, 0 for none")
	every := flag.Duration("burst-every", 30*time.Second, "how often such a burst comes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	// A line is written at once, whole, as a runtime's logger does.
	app := app{out: bufio.NewWriter(os.Stdout), err: bufio.NewWriter(os.Stderr), now: time.Now}
	if err := run(ctx, &app, *events, *rate, *burst, *every); err != nil {
		fmt.Fprintln(os.Stderr, "sample-app:", err)
		os.Exit(1)
	}
}

// run logs until there were so many events or the context ends.
func run(ctx context.Context, a *app, events int, rate float64, burst int,
	every time.Duration) error {
	var pause time.Duration
	if rate > 0 {
		pause = time.Duration(float64(time.Second) / rate)
	}
	next := time.Now().Add(every)
	for events == 0 || a.events < events {
		if err := a.event(); err != nil {
			return err
		}
		if burst > 0 && time.Now().After(next) {
			next = time.Now().Add(every)
			for range burst {
				if events > 0 && a.events == events {
					return nil
				}
				if err := a.event(); err != nil {
					return err
				}
			}
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return nil
		}
	}
	return nil
}
