// Package doctor looks at every link between fluent-bit.conf and the logs in the index, one after
// the other: the configuration, the pod's token, its role, the way to the domain, the signature,
// the permissions, the mapping, and whether data arrives. Input: the command's arguments and the
// environment. Output: one line for each link, with what to change where one is broken, and an exit
// status. It checks with the plugin's own code, so that what it finds is what the plugin meets.
// Without --write it stores and creates nothing: see index.go for how a permission is tried without
// using it. It prints no secret.
package doctor

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"time"

	"out_opensearch_irsa/internal/command"
	"out_opensearch_irsa/internal/version"
)

const usage = `usage: opensearch-irsa-doctor [--write] [--json] [-config FILE] [-o Option=value]...

Checks, where the plugin runs, every link between fluent-bit.conf and the logs in the index. For each output opensearch_irsa
of the file it says ✓ (passed), ✗ (broken, and what to change), ! (works, and will hurt) or – (not checked, and why).
Without --write nothing is stored and nothing created.

  -config FILE   Fluent Bit's configuration, classic or YAML    /fluent-bit/etc/fluent-bit.conf
  --write        store one document, find it, delete it. With a role that may not delete nothing is stored.
                 An index that does not exist yet is created by this
  --keep         with --write: store it also where it cannot be deleted again; its name is told
  --json         one JSON object instead of the table
  -o Name=value  an option of the outputs, instead of what the file says, such as -o AWS_Region=eu-west-1
  -wait TIME     while a link is broken, look again every ten seconds, for so long at most: for a Job that starts while the
                 role is still being mapped
  -timeout TIME  how long one question may take    10s
  -max-age TIME  how old the newest document may be before that counts as broken    15m

Exit status: 0 no link is broken; 1 one is; 2 it could not be done, such as for a wrong option of this command.
`

// settings are the command's options.
type settings struct {
	config  string
	write   bool
	keep    bool // the canary, where it cannot be deleted
	json    bool
	options command.Options
	timeout time.Duration
	maxAge  time.Duration
	wait    time.Duration
	getenv  func(string) string
}

// Run is the command. It returns the exit status.
func Run(ctx context.Context, args []string, stdout, stderr io.Writer,
	getenv func(string) string) int {
	s := settings{options: command.Options{}, getenv: getenv}
	flags := flag.NewFlagSet("opensearch-irsa-doctor", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() { _, _ = io.WriteString(stderr, usage) }
	flags.StringVar(&s.config, "config", "/fluent-bit/etc/fluent-bit.conf", "")
	flags.BoolVar(&s.write, "write", false, "")
	flags.BoolVar(&s.keep, "keep", false, "")
	flags.BoolVar(&s.json, "json", false, "")
	flags.Var(s.options, "o", "")
	flags.DurationVar(&s.wait, "wait", 0, "")
	flags.DurationVar(&s.timeout, "timeout", 10*time.Second, "")
	flags.DurationVar(&s.maxAge, "max-age", 15*time.Minute, "")
	fail := func(format string, a ...any) int {
		_, _ = fmt.Fprintf(stderr, "opensearch-irsa-doctor: "+format+"\n", a...)
		return 2
	}
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return 2
	case flags.NArg() > 0:
		return fail("there is no argument %q: the file goes with -config", flags.Arg(0))
	case s.keep && !s.write:
		return fail("--keep is about the document of --write: write both")
	case s.timeout < time.Second || s.maxAge <= 0 || s.wait < 0:
		return fail("write -timeout of 1s or more, -max-age above 0 and no negative -wait")
	}
	r := s.patiently(ctx, stderr)
	if ctx.Err() != nil {
		return fail("interrupted")
	}
	write := r.WriteTable
	if s.json {
		write = func(w io.Writer, _ bool) error { return r.writeJSON(w) }
	}
	if err := write(stdout, isTerminal(stdout) && getenv("NO_COLOR") == "" &&
		getenv("TERM") != "dumb"); err != nil {
		return fail("cannot write the report: %v", err)
	}
	if r.Result == Broken {
		return 1
	}
	return 0
}

// patience is how long -wait leaves between two looks.
const patience = 10 * time.Second

// patiently examines until no link is broken or -wait is over, and says meanwhile what it waits
// for.
func (s *settings) patiently(ctx context.Context, stderr io.Writer) *Report {
	for end := time.Now().Add(s.wait); ; {
		r := &Report{Version: version.Version, Config: s.config}
		s.examine(ctx, r)
		r.finish()
		if r.Result != Broken || time.Now().Add(patience).After(end) {
			return r
		}
		for _, c := range r.Checks {
			if c.Status == Broken {
				_, _ = fmt.Fprintf(stderr, "opensearch-irsa-doctor: %s is broken: "+
					"looking again in %s\n", c.Title, patience)
				break
			}
		}
		select {
		case <-time.After(patience):
		case <-ctx.Done():
			return r
		}
	}
}
