package fleet

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"text/tabwriter"
	"time"
)

var (
	agents = flag.Int("agents", 40, "nodes in the fleet; make fleet has 1000")
	every  = flag.Duration("every", 2*time.Second, "how often each node has a chunk")
	only   = flag.String("only", "", "run only scenarios that this regular expression matches")
	svg    = flag.String("svg", "", "draw the scenarios to this file")
)

// TestFleet runs the scenarios and prints their figures.
func TestFleet(t *testing.T) {
	environment(t)
	var all []figures
	for _, s := range scenarios {
		if !regexp.MustCompile(*only).MatchString(s.name) {
			continue
		}
		for which := range outputs {
			began := time.Now()
			var r figures
			synctest.Test(t, func(t *testing.T) {
				var err error
				if r, err = s.run(settings{agents: *agents, every: *every}, which); err != nil {
					t.Fatal(err)
				}
			})
			r.took = time.Since(began)
			all = append(all, r)
			t.Logf("\n%s", table(all[len(all)-1:]))
			if which == 0 {
				r.check(t, s)
			}
		}
	}
	t.Logf("%d nodes, a chunk each %s\n%s", *agents, *every, table(all))
	if *svg != "" {
		if err := os.WriteFile(*svg, []byte(draw(all, *agents)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// check holds a scenario to what it has to bring.
func (r figures) check(t *testing.T, s scenario) {
	t.Helper()
	if r.goodput < s.least {
		t.Errorf("%s: goodput is %.2f of the capacity, want %.2f", s.name, r.goodput, s.least)
	}
	if r.jain < s.fair {
		t.Errorf("%s: Jain's index is %.3f, want %.2f", s.name, r.jain, s.fair)
	}
	if r.drain > 1.25 {
		t.Errorf("%s: the backlog was drained in %.2f times the ideal, want 1.25", s.name, r.drain)
	}
}

// environment is what EKS gives a pod.
func environment(t *testing.T) {
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("a.b.c"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/eks-log")
	t.Setenv("AWS_WEB_IDENTITY_TOKEN_FILE", token)
}

func table(all []figures) string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "scenario\toutput\tgoodput/capacity\tJain\tuseless requests\tstored "+
		"again\tdrain/ideal\tlag p99 s\tconnections\tSTS calls\ttook s")
	for _, r := range all {
		drain := "-"
		if r.drain > 0 {
			drain = fmt.Sprintf("%.2f", r.drain)
		}
		fmt.Fprintf(w, "%s\t%s\t%.2f\t%.3f\t%.0f %%\t%.1f %%\t%s\t%.1f\t%d\t%d\t%.0f\n",
			r.scenario, r.output, r.goodput, r.jain, 100*r.useless, 100*r.twice, drain, r.p99, r.conns, r.sts, r.took.Seconds())
	}
	_ = w.Flush() // to memory
	return b.String()
}
