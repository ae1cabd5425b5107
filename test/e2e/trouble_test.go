package e2e

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"out_opensearch_irsa/test/localaws"
)

// trouble is something that a person has to mend. begin makes it, before the agent starts, and returns how it is mended.
type trouble struct {
	name  string
	begin func(n *node) (mend func())
	says  []string // what the line in the log has to name
	// restart: it is mended in the environment of the pod, so the agent has to be started again.
	restart bool
}

var troubles = []trouble{
	{
		name: "token file missing",
		begin: func(n *node) func() {
			token := n.ownToken()
			return func() { n.mint(token, localaws.ServiceAccountToken{}) }
		},
		says: []string{"cannot read the token file", "/token", "no such file", "eks.amazonaws.com/role-arn", "restart the pod"},
	},
	{
		// A directory in its place is unreadable for root too, as whom containers mostly run.
		name: "token file unreadable",
		begin: func(n *node) func() {
			token := n.ownToken()
			if err := os.Mkdir(token, 0o700); err != nil {
				n.t.Fatal(err)
			}
			return func() {
				if err := os.Remove(token); err != nil {
					n.t.Error(err)
				}
				n.mint(token, localaws.ServiceAccountToken{})
			}
		},
		says: []string{"cannot read the token file", "/token", "is a directory", "mount nothing over the directory"},
	},
	{
		name: "token file garbage",
		begin: func(n *node) func() {
			token := n.ownToken()
			n.replace(token, "not a token")
			return func() { n.mint(token, localaws.ServiceAccountToken{}) }
		},
		says: []string{"AssumeRoleWithWebIdentity for role ROLE", "InvalidIdentityToken", "not a valid JWT", "the file that AWS_WEB_IDENTITY_TOKEN_FILE names holds no service account's token", "restart the pod"},
	},
	{
		name: "token expired",
		begin: func(n *node) func() {
			token := n.ownToken()
			n.mint(token, localaws.ServiceAccountToken{IssuedAt: time.Now().Add(-2 * time.Hour), Lifetime: time.Hour})
			return func() { n.mint(token, localaws.ServiceAccountToken{}) }
		},
		says: []string{"AssumeRoleWithWebIdentity for role ROLE", "ExpiredTokenException", "the kubelet renews the token file", "projected volume"},
	},
	{
		name: "role unknown",
		begin: func(n *node) func() {
			name := n.ownRole("not-made-yet")
			return func() {
				putRole(n.t, name, policy(n.t, "policy.json"))
				n.mapWriter()
			}
		},
		says: []string{"AssumeRoleWithWebIdentity for role ROLE", "AccessDenied", "check that role", "exists",
			"trust policy", `sub "system:serviceaccount:logging:fluent-bit"`, `aud "sts.amazonaws.com"`},
	},
	{
		name: "audience wrong",
		begin: func(n *node) func() {
			token := n.ownToken()
			n.mint(token, localaws.ServiceAccountToken{Audience: []string{"https://kubernetes.default.svc"}})
			return func() { n.mint(token, localaws.ServiceAccountToken{}) }
		},
		says: []string{"role ROLE", "Incorrect token audience", "audience sts.amazonaws.com", `aud is "https://kubernetes.default.svc"`},
	},
	{
		name: "STS unreachable",
		begin: func(n *node) func() {
			server := serve(n.t, world.STS, nil)
			n.env["AWS_ENDPOINT_URL_STS"] = server.URL()
			if err := server.Down(); err != nil {
				n.t.Fatal(err)
			}
			return func() {
				if err := server.Up(); err != nil {
					n.t.Error(err)
				}
			}
		},
		says: []string{"role ROLE", "STS cannot be reached", "connection refused", "interface endpoint", "AWS_STS_Endpoint"},
	},
	{
		name: "region wrong",
		begin: func(n *node) func() {
			n.env["AWS_REGION"] = "us-west-2"
			return func() { delete(n.env, "AWS_REGION") }
		},
		says:    []string{"403", "Credential should be scoped to a valid region", "set AWS_Region to the domain's region"},
		restart: true,
	},
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
			return func() { n.config = shipped(n.t, append(impatient, set{"OUTPUT", "TLS_CA_File", file})...) }
		},
		says:    []string{"certificate signed by unknown authority", "set TLS_CA_File"},
		restart: true,
	},
	{
		name: "IAM policy missing",
		begin: func(n *node) func() {
			name := n.ownRole("without-policy")
			putRole(n.t, name, []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`))
			n.mapWriter()
			return func() { putRole(n.t, name, policy(n.t, "policy.json")) }
		},
		says: []string{"403", "is not authorized to perform: es:ESHttpPost because no identity-based policy allows", "allow es:ESHttpPost on the domain's ARN",
			"IAM role ROLE"},
	},
	{
		name: "role not mapped",
		begin: func(n *node) func() {
			putRole(n.t, n.ownRole("not-mapped"), policy(n.t, "policy.json"))
			return n.mapWriter
		},
		says: []string{"security_exception", "no permissions for [indices:", "as the domain's master user", "_plugins/_security/api/rolesmapping/",
			`{"backend_roles":["ROLE"]}`, "indices:data/write/bulk*"},
	},
	{
		// Names that OpenSearch takes nowhere are found at start-up (TestMistakes); this one it refuses by its own configuration.
		name: "index refused",
		begin: func(n *node) func() {
			setting(n.t, "action.auto_create_index", `"-`+n.index+`,+*"`)
			n.t.Cleanup(func() { setting(n.t, "action.auto_create_index", "null") })
			return func() { setting(n.t, "action.auto_create_index", "null") }
		},
		says: []string{"index_not_found_exception", "create the index", "action.auto_create_index"},
	},
}

// impatient makes the core bring chunks back soon, so that a test sees many attempts, and end soon although there are chunks left.
var impatient = []set{{"SERVICE", "scheduler.cap", "2"}, {"SERVICE", "Grace", "3"}, {"SERVICE", "HTTP_Server", "Off"}, {"OUTPUT", "Retry_Budget", "1s"}}

const kept = `failed to flush chunk '[^']*', retry in`

// TestTrouble brings every trouble about: the agent stays up and the chunk is kept; one line says what is wrong and what to do, and
// is not repeated; once it is mended the lines arrive, and the log says so.
func TestTrouble(t *testing.T) {
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
					return fmt.Errorf("the core was asked %d times to keep the chunk, and 3 are waited for", times)
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
				t.Log(a.wait(`\[opensearch_irsa\.0\] delivery works again`))
			}
			a.stop()
			checkLines(t, n.index, 50)
		})
	}
}

// checkLog fails unless the log has one line about the trouble, which says all that it has to.
func (c trouble) checkLog(t *testing.T, n *node, a *agent) {
	t.Helper()
	lines := append(a.ours("error"), a.ours("warn")...)
	if len(lines) != 1 {
		t.Errorf("the trouble has %d lines, not one:\n%s", len(lines), strings.Join(lines, "\n"))
	}
	if len(lines) == 0 {
		return
	}
	t.Log(lines[0])
	for _, part := range c.says {
		if part = strings.ReplaceAll(part, "ROLE", n.roleARN()); !strings.Contains(lines[0], part) {
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
func (n *node) mapWriter() {
	n.t.Helper()
	mapped.Lock()
	defer mapped.Unlock()
	if mapped.roles == nil {
		mapped.roles = []string{world.RoleARN}
	}
	mapped.roles = append(mapped.roles, n.roleARN())
	if err := world.OpenSearch.MapWriter(n.t.Context(), mapped.roles...); err != nil {
		n.t.Error(err)
	}
}

// setting changes one setting of the cluster; the value is JSON.
func setting(t *testing.T, name, value string) {
	t.Helper()
	status, answer, err := world.OpenSearch.Do(context.WithoutCancel(t.Context()), "PUT", "/_cluster/settings", `{"persistent":{"`+name+`":`+value+`}}`)
	if err != nil || status != 200 {
		t.Errorf("cannot set %s: %d %.300s (%v)", name, status, answer, err)
	}
}
