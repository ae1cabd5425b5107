// Package replay sends dead-letter records again, after the mapping or the record's sender was
// fixed. Input is the files of Dead_Letter_Path or an index of dead letters; output is documents in
// the index that each record was meant for. What went in is removed from the dead letters, and
// nothing else is: what the domain refuses again, and what is damaged or not whole, stays. It makes
// no dead letters.
package replay

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"

	"out_opensearch_irsa/internal/command"
	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/connect"
	"out_opensearch_irsa/internal/deadletter"
)

const usage = `usage: opensearch-irsa-replay [flags] FILE...
       opensearch-irsa-replay [flags] -index NAME

Sends dead letters to the index that each was meant for: those in FILE (Dead_Letter_Path, with its
rotated .1, .2, …), or those in an index (Dead_Letter_Index; wildcards are allowed). What went in is
removed from the dead letters. What is refused again stays, with its new reason where it is in a file;
so does what is damaged or was cut. Fluent Bit may go on writing meanwhile. A record keeps its id, so a
second run, after an interruption too, stores none twice.

A FILE's records are moved to the folder FILE.replay first, and what stays is there: name FILE again
to send it once more.

  -index NAME   replay the dead letters in this index
  -to NAME      send all of them to this index instead of their own
  -dry-run      say what would be sent, and change nothing
  -o Name=value an option of the [OUTPUT] section, such as -o AWS_Auth=Off; Endpoint and
                AWS_Region may come from OPENSEARCH_ENDPOINT and AWS_REGION as there

Exit status: 0 no dead letter is left; 1 some stay; 2 it could not be done.
`

// options are what the command line says.
type options struct {
	paths     []string
	index, to string
	dryRun    bool
}

// Run does what the arguments say and returns the exit status. Once ctx is done it ends the request
// that is under way, and keeps what was not sent.
func Run(ctx context.Context, args []string, getenv func(string) string, stdout,
	stderr io.Writer) int {
	given := command.Options{}
	var o options
	flags := flag.NewFlagSet("opensearch-irsa-replay", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.index, "index", "", "")
	flags.StringVar(&o.to, "to", "", "")
	flags.BoolVar(&o.dryRun, "dry-run", false, "")
	flags.Var(given, "o", "")
	flags.Usage = func() { _, _ = io.WriteString(stderr, usage) }
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	o.paths = deadletter.Paths(flags.Args())
	if (o.index == "") == (len(o.paths) == 0) {
		flags.Usage()
		return 2
	}
	kept, err := run(ctx, &o, given, getenv, stdout, stderr)
	switch {
	case err != nil:
		_, _ = fmt.Fprintln(stderr, "opensearch-irsa-replay:", err)
		return 2
	case kept > 0:
		return 1
	}
	return 0
}

// run returns how many dead letters stay.
func run(
	ctx context.Context, o *options, given command.Options, getenv func(string) string, stdout,
	stderr io.Writer,
) (kept int, err error) {
	if o.to != "" && !legalIndex(o.to) {
		return 0, fmt.Errorf("cannot use -to %q: write the name of an index", o.to)
	}
	if strings.ContainsAny(o.index, "/?#\" ") {
		return 0, fmt.Errorf("cannot use -index %q: write the name of an index, such as "+
			"eks-log-dead-letter", o.index)
	}
	r := &replayer{to: o.to, dryRun: o.dryRun, out: stdout,
		progress: command.Progress{Out: stderr, What: "dead letters"}}
	if !o.dryRun || o.index != "" {
		cfg, err := config.Load(given.Get, getenv)
		if err != nil {
			return 0, err
		}
		if o.index != "" && cfg.AWSAuth && cfg.AWSService == "aoss" {
			return 0, errors.New("cannot replay an index of OpenSearch Serverless: its " +
				"time-series collections " +
				"delete no document. Use Dead_Letter_Path there, and replay its files")
		}
		client, identity, err := connect.Dial(cfg)
		if err != nil {
			return 0, err
		}
		defer client.Close()
		if identity != nil {
			defer identity.Close()
		}
		r.client = client
		r.sender = newSender(cfg, client, identity, stderr)
	}
	if o.index != "" {
		return r.index(ctx, o.index)
	}
	for _, path := range o.paths {
		n, err := r.path(ctx, path)
		kept += n
		if err != nil {
			return kept, err
		}
	}
	return kept, nil
}

// legalIndex tells whether a name can stand in a request as it is.
func legalIndex(name string) bool {
	illegal := func(c rune) bool { return c <= ' ' || strings.ContainsRune(`"\/*?<>|,#`, c) }
	return name != "" && !strings.ContainsFunc(name, illegal)
}
