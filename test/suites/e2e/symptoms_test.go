package e2e

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"out_opensearch_irsa/test/fixtures/localaws"
)

// trouble is something that a person has to mend. begin makes it, before the agent starts, and
// returns how it is mended.
type trouble struct {
	name  string
	begin func(n *node) (mend func())
	says  []string // what the line in the log has to name
	// restart: it is mended in the environment of the pod, so the agent has to be started again.
	restart bool
	// renews: new credentials are tried at once, with a warning, before the line comes.
	renews bool
}

var troubles = []trouble{
	{
		// A label of more than 63 bytes never leaves the machine: no resolver can ask for it.
		name: "domain not found",
		begin: func(n *node) func() {
			n.env["OPENSEARCH_ENDPOINT"] = "search-" + strings.Repeat("logs", 16) + ".invalid"
			return func() { delete(n.env, "OPENSEARCH_ENDPOINT") }
		},
		says:    []string{"logs.invalid", "no such host", "check Endpoint"},
		restart: true,
	},
	{
		name: "CA unknown",
		begin: func(n *node) func() {
			stranger, err := localaws.NewCA()
			if err != nil {
				n.t.Fatal(err)
			}
			certificates, err := stranger.ServerTLS()
			if err != nil {
				n.t.Fatal(err)
			}
			server := serve(n.t, world.FrontDoor, certificates)
			n.env["OPENSEARCH_ENDPOINT"] = server.URL()
			file := n.dir + "/private-ca.pem"
			n.replace(file, string(stranger.PEM()))
			return func() {
				n.config = shipped(n.t,
					append(impatient, set{"OUTPUT", "TLS_CA_File", file})...)
			}
		},
		says:    []string{"certificate signed by unknown authority", "set TLS_CA_File"},
		restart: true,
	},
	{
		// Names that OpenSearch takes nowhere are found at start-up (TestMistakes); this one it
		// refuses by its own configuration.
		name: "index refused",
		begin: func(n *node) func() {
			setting(n.t, "action.auto_create_index", `"-`+n.index+`,+*"`)
			n.t.Cleanup(func() { setting(n.t, "action.auto_create_index", "null") })
			return func() { setting(n.t, "action.auto_create_index", "null") }
		},
		says: []string{"index_not_found_exception", "create the index", "action.auto_create_index"},
	},
}

// impatient makes the core bring chunks back soon, so that a test sees many attempts, and end soon
// although there are chunks left.
var impatient = []set{{"SERVICE", "scheduler.cap", "2"}, {"SERVICE", "Grace", "3"},
	{"SERVICE", "HTTP_Server", "Off"}, {"OUTPUT", "Retry_Budget", "1s"}}

const kept = `failed to flush chunk '[^']*', retry in`

// TestSymptoms brings every trouble about: the agent stays up and the chunk is kept; one line says
// what is wrong and what to do, and is not repeated; once it is mended the lines arrive, and the
// log says so.
func TestSymptoms(t *testing.T) { bringAbout(t, troubles) }

func bringAbout(t *testing.T, troubles []trouble) {
	for _, c := range troubles {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, newest())
			n.config = shipped(t, impatient...)
			mend := c.begin(n)
			a := n.start()
			n.write(50)
			eventually(t, func() error {
				if times := a.count(kept); times < 3 {
					return fmt.Errorf("the core was asked %d times to keep the "+
						"chunk, and 3 are waited for", times)
				}
				return nil
			})
			if !a.Running() {
				t.Fatalf("the agent ended with status %d", a.ExitStatus())
			}
			c.checkLog(t, n, a)
			if stored := count(t, n.index); stored != 0 {
				t.Errorf("%d documents are stored already: the test shows nothing", stored)
			}
			mend()
			if c.restart {
				a.stop()
				a = n.start()
			}
			expectLines(t, n.index, 50)
			if !c.restart {
				t.Log(a.wait(`\[opensearch_irsa\.0\] delivery recovered`))
			}
			a.stop()
			checkLines(t, n.index, 50)
		})
	}
}

// checkLog fails unless the log has one line about the trouble, which says all that it has to.
func (c trouble) checkLog(t *testing.T, n *node, a *agent) {
	t.Helper()
	lines := a.ours("error")
	if !c.renews {
		lines = append(lines, a.ours("warn")...)
	}
	if len(lines) != 1 {
		t.Errorf("the trouble has %d lines, not one:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	if len(lines) == 0 {
		return
	}
	t.Log(lines[0])
	for _, part := range c.says {
		if part = strings.NewReplacer("ROLE", n.roleARN(), "INDEX",
			n.index).Replace(part); !strings.Contains(lines[0], part) {
			t.Errorf("the line does not say %q:\n%s", part, lines[0])
		}
	}
}

// mapped are the roles that may write; each change replaces them all.
var mapped struct {
	sync.Mutex
	roles []string
}

// mapWriter gives the pod's role, besides all that have it, what a writer of logs may do.
func (n *node) mapWriter() { n.mapRole(n.roleARN()) }

func (n *node) mapRole(arn string) {
	n.t.Helper()
	mapped.Lock()
	defer mapped.Unlock()
	if mapped.roles == nil {
		mapped.roles = []string{world.RoleARN}
	}
	mapped.roles = append(mapped.roles, arn)
	if err := world.OpenSearch.MapWriter(n.t.Context(), mapped.roles...); err != nil {
		n.t.Error(err)
	}
}

// admin does one request past the front door, as the domain's master user, which has to go well.
func admin(t *testing.T, method, path, body string) {
	t.Helper()
	status, answer, err := world.OpenSearch.Do(context.WithoutCancel(t.Context()), method, path, body)
	if err != nil || status/100 != 2 {
		t.Errorf("cannot %s %s: %d %.300s (%v)", method, path, status, answer, err)
	}
}

// setting changes one setting of the cluster; the value is JSON.
func setting(t *testing.T, name, value string) {
	t.Helper()
	admin(t, "PUT", "/_cluster/settings", `{"persistent":{"`+name+`":`+value+`}}`)
}
