// Command replay sends dead letters again, after the mapping or the record's sender was mended: the files that
// Dead_Letter_Path names, to the index that each letter was meant for. It signs as the plugin does.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/connect"
)

const usage = `usage: opensearch-irsa-replay [-index NAME] [-o Option=value]... FILE...

Sends the dead letters in FILEs (Dead_Letter_Path and its rotated .1, .2, …) to the index that each was meant for. Options
are those of the [OUTPUT] section; Endpoint and AWS_Region may come from OPENSEARCH_ENDPOINT and AWS_REGION as there.
A letter keeps its id, so one that went in before is not stored twice. Those that are rejected again, with their new reason,
are written to FILE.rejected, and FILE is left as it is.

  -index NAME   send all of them to this index instead
  -o Name=value an option of the [OUTPUT] section, such as -o AWS_Auth=Off

Exit status: 0 all letters are stored; 1 some were rejected again, or hold no document; 2 it could not be done.
`

func main() {
	given := config.Given{}
	index := flag.String("index", "", "")
	flag.Var(given, "o", "")
	flag.Usage = func() { fmt.Fprint(os.Stderr, usage) }
	flag.Parse()
	if flag.NArg() == 0 {
		flag.Usage()
		os.Exit(2)
	}
	cfg, err := config.Load(given.Get, os.Getenv)
	if err != nil {
		fail(err)
	}
	client, identity, err := connect.Dial(cfg)
	if err != nil {
		fail(err)
	}
	defer client.Close()
	if identity != nil {
		defer identity.Close()
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var total counts
	for _, path := range flag.Args() {
		r := replayer{client: client, signed: identity != nil, limit: cfg.MaxRequestSize, index: *index}
		c, err := r.file(ctx, path)
		fmt.Printf("%s: %s\n", path, c)
		if err != nil {
			fail(err)
		}
		total.add(c)
	}
	if total.rejected+total.unusable > 0 {
		os.Exit(1)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "opensearch-irsa-replay:", err)
	os.Exit(2)
}
