package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"out_opensearch_irsa/internal/compile"
	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/doctor/fluentbit"
	"out_opensearch_irsa/internal/identity"
	"out_opensearch_irsa/internal/indexname"
	"out_opensearch_irsa/internal/opensearch"
)

// examination is the check-up of one output. Each link fills in what the later ones need.
type examination struct {
	*settings
	report *Report
	file   *fluentbit.Config
	from   *fluentbit.Section
	name   string

	cfg    *config.Config
	target *indexname.Template
	dead   *indexname.Template
	own    *identity.Identity // the pod's own credentials; nil with AWS_Auth Off
	signer *identity.Identity // the ones that sign: own's, or those of AWS_Role_ARN
	client *opensearch.Client

	first  opensearch.Result // the answer to the first question
	behind clockReading
}

// An outcome is what a link was found to be.
type outcome struct {
	status  Status
	summary string
	remedy  string
	// passable says that what comes behind can be checked although this is broken, or not although
	// this was skipped.
	passable bool
	// also are further lines about the same link.
	also []outcome
}

func fine(format string, args ...any) outcome {
	return outcome{status: OK, summary: fmt.Sprintf(format, args...), passable: true}
}

// needless is a link that this output does not have.
func needless(format string, args ...any) outcome {
	return outcome{status: Skipped, summary: fmt.Sprintf(format, args...), passable: true}
}

func broken(remedy, format string, args ...any) outcome {
	return outcome{status: Broken, summary: fmt.Sprintf(format, args...), remedy: remedy}
}

func suspect(remedy, format string, args ...any) outcome {
	return outcome{status: Warning, summary: fmt.Sprintf(format, args...), remedy: remedy,
		passable: true}
}

// explained is broken, in the words of an error that knows its remedy.
func explained(err error) outcome {
	var told interface {
		Explain() (summary, remedy string)
	}
	if errors.As(err, &told) {
		summary, remedy := told.Explain()
		return broken(remedy, "%s", summary)
	}
	return broken("", "%v", err)
}

// failed is broken, by the failure of a request.
func failed(f *opensearch.Failure) outcome { return broken(f.Remedy, "%s", f.Summary) }

// links are the links, in the order in which they are checked. needs names those without which one
// cannot be checked.
var links = []struct {
	id, title string
	needs     []string
	check     func(*examination, context.Context) outcome
}{
	{"options", "options", nil, (*examination).checkOptions},
	{"token", "token", []string{"options"}, (*examination).checkToken},
	{"trust", "trust policy", []string{"token"}, (*examination).checkTrust},
	{"role", "AWS_Role_ARN", []string{"trust"}, (*examination).checkRole},
	{"identity", "identity", []string{"role"}, (*examination).checkIdentity},
	{"dns", "name", []string{"options"}, (*examination).checkName},
	{"tcp", "connection", []string{"dns"}, (*examination).checkConnection},
	{"tls", "TLS", []string{"tcp"}, (*examination).checkTLS},
	{"answer", "answer", []string{"tls", "role"}, (*examination).checkAnswer},
	{"signature", "signature", []string{"answer"}, (*examination).checkSignature},
	{"clock", "clock", []string{"answer"}, (*examination).checkClock},
	{"access", "IAM", []string{"signature"}, (*examination).checkAccess},
	{"security_role", "security role", []string{"access"}, (*examination).checkSecurityRole},
	{"index", "index", []string{"security_role"}, (*examination).checkIndex},
	{"dead_letters", "dead letters", []string{"security_role"}, (*examination).checkDeadLetters},
	{"time_field", "time field", []string{"security_role"}, (*examination).checkTimeField},
	{"canary", "canary", []string{"index"}, (*examination).checkCanary},
	{"arrival", "arrival", []string{"time_field"}, (*examination).checkArrival},
}

// run checks every link.
func (e *examination) run(ctx context.Context) {
	defer e.close()
	blocked := map[string]int{} // the place of the broken link that keeps one from being checked
	for n, l := range links {
		if ctx.Err() != nil {
			return
		}
		var o outcome
		by := ""
		for _, need := range l.needs {
			if place, ok := blocked[need]; ok {
				o = outcome{status: Skipped, summary: "not checked: " + links[place].title +
					" comes first"}
				by, blocked[l.id] = links[place].id, place
				break
			}
		}
		if by == "" {
			if o = l.check(e, ctx); !o.passable {
				blocked[l.id] = n
			}
		}
		for _, o := range append([]outcome{o}, o.also...) {
			e.report.add(Check{ID: l.id, Output: e.name, Title: l.title, Status: o.status,
				Summary: o.summary,
				Remedy:  o.remedy, BlockedBy: by})
		}
		if l.id == "options" {
			found := e.traps()
			if found == nil {
				found = []trap{{"none", OK, "Match, Workers, Retry_Limit, storage and Grace lose " +
					"nothing and stop nothing", ""}}
			}
			for _, t := range found {
				e.report.add(Check{ID: "around." +
					t.id, Output: e.name, Title: "around it", Status: t.status, Summary: t.summary,
					Remedy: t.remedy})
			}
		}
	}
}

func (e *examination) close() {
	if e.client != nil {
		e.client.Close()
	}
	if e.signer != nil {
		e.signer.Close()
	}
	if e.own != nil && e.own != e.signer {
		e.own.Close()
	}
}

// checkOptions loads the section as the plugin does.
func (e *examination) checkOptions(context.Context) outcome {
	cfg, err := config.Load(func(name string) string {
		if v, ok := e.options[strings.ToLower(name)]; ok {
			return v
		}
		return e.from.Get(name)
	}, e.getenv)
	var wrong []string
	if err != nil {
		wrong = mistakes(err)
	}
	e.cfg = cfg
	if err := compile.Check(cfg); err != nil {
		wrong = append(wrong, strings.Split(err.Error(), "\n")...)
	}
	if wrong != nil {
		all := make([]outcome, len(wrong))
		for i, w := range wrong {
			all[i] = broken("", "%s", w)
		}
		o := all[0]
		o.also = all[1:]
		return o
	}
	cfg.RequestTimeout = min(cfg.RequestTimeout, e.timeout)
	if e.target, err = indexname.Compile(cfg.Index); err == nil {
		e.dead, err = indexname.Compile(cfg.DeadLetterIndex)
	}
	if err != nil {
		return explained(err)
	}
	return fine("to %s%s, index %s", cfg.Endpoint, cfg.Path, cfg.Index)
}
