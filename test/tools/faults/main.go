// Command faults shows that no fault loses a record or stores one twice. It prints a table with a
// row for each fault: how many records an application wrote, and what became of each, counted from
// the index itself by the number that every line carries. The plugin runs in Fluent Bit, or in the
// test host, with the shipped configuration, against a real OpenSearch behind a domain's front
// door. It exits with 1 unless every row is as it has to be.
//
// With -chaos it draws faults at random for some minutes instead, and counts at the end; with
// -builtin it sets Fluent Bit's own opensearch output beside ours.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"regexp"
	"syscall"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

// errUnproven is what a run ends with when a row is not as it has to be; the table tells which.
var errUnproven = errors.New("a record was lost, stored twice or misfiled, or a fault was not met")

type options struct {
	lines    int
	outage   time.Duration
	only     *regexp.Regexp
	parallel int
	verbose  bool
	chaos    time.Duration // how long; 0 for none
}

func main() {
	lines := flag.Int("lines", 20_000, "how many records each row writes")
	long := flag.Bool("long", false, "outages of a minute instead of ten seconds")
	only := flag.String("only", "", "run the rows whose name this regular expression matches")
	parallel := flag.Int("parallel", 2, "how many rows run side by side, where they do not "+
		"disturb each other")
	verbose := flag.Bool("v", false, "print the agents' logs of rows that fail, whole")
	chaos := flag.Bool("chaos", false, "draw faults at random")
	seed := flag.Uint64("seed", 0, "what the draw begins with; 0 takes one at random")
	minutes := flag.Float64("minutes", 2, "how long chaos lasts")
	builtin := flag.Bool("builtin", false, "measure Fluent Bit's own opensearch output beside ours")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	o := options{lines: *lines, outage: 10 * time.Second, parallel: *parallel, verbose: *verbose}
	if *long {
		o.outage = time.Minute
	}
	if *chaos {
		o.chaos = time.Duration(*minutes * float64(time.Minute))
	}
	var err error
	if o.only, err = regexp.Compile(*only); err == nil {
		err = run(ctx, o, func(b *bench) error {
			switch {
			case *chaos:
				return b.runChaos(ctx, *seed, o.chaos)
			case *builtin:
				return b.compare(ctx)
			default:
				return b.table(ctx)
			}
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "faults:", err)
		os.Exit(1)
	}
}

// bench is what all rows share.
type bench struct {
	options
	host  stack.FluentBitHost
	stack *stack.Stack
	dir   string // of this run; every row has a folder in it
	so    string // the plugin: a copy, so that a build meanwhile changes nothing
	began time.Time
}

func run(ctx context.Context, o options, do func(*bench) error) (err error) {
	b := &bench{options: o, began: time.Now()}
	if b.host, err = stack.FindFluentBit(ctx); err != nil {
		return err
	}
	if b.dir, err = os.MkdirTemp("", "faults-"); err != nil {
		return fmt.Errorf("cannot make a folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(b.dir)) }()
	if b.so, err = copyPlugin(b.dir); err != nil {
		return err
	}
	b.say("%s; starting OpenSearch", b.host.Version)
	heap := "1g"
	if o.chaos > 0 {
		heap = "512m"
	}
	if b.stack, err = b.startStack(ctx, heap); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.stack.Close()) }()
	return do(b)
}

func (b *bench) startStack(ctx context.Context, heap string) (*stack.Stack, error) {
	return stack.New(ctx, stack.Options{OpenSearchHome: os.Getenv("OPENSEARCH_HOME"), Heap: heap,
		Optimize: b.chaos >= longChaos})
}

// say prints what goes on, with the time since the start.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "[%5.1f s] %s\n", time.Since(b.began).Seconds(),
		fmt.Sprintf(format, args...))
}

func copyPlugin(dir string) (string, error) {
	object, err := os.ReadFile(os.Getenv("PLUGIN_SO"))
	if err != nil {
		return "", fmt.Errorf("cannot read the plugin that PLUGIN_SO names: %w", err)
	}
	path := dir + "/out_opensearch_irsa.so"
	if err := os.WriteFile(path, object, 0o700); err != nil {
		return "", fmt.Errorf("cannot copy the plugin: %w", err)
	}
	return path, nil
}
