package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/internal/doctor"
	"out_opensearch_irsa/test/fixtures/localaws"
)

const (
	region = "eu-central-1"
	reader = "log_reader" // the security role for what the doctor reads
)

// pod is where the doctor runs: the environment that its container has, and the configuration.
type pod struct {
	t    *testing.T
	dir  string
	env  map[string]string
	conf string // text of fluent-bit.conf
	args []string
}

// newPod makes one in which every link is in order, with the shipped configuration and an index of
// its own.
func newPod(t *testing.T) *pod {
	t.Helper()
	if unmet != "" {
		t.Skip(unmet)
	}
	p := &pod{t: t, dir: t.TempDir(), env: map[string]string{}}
	for _, kv := range world.Env() {
		name, value, _ := strings.Cut(kv, "=")
		p.env[name] = value
	}
	maps.Copy(p.env, map[string]string{
		"FLUENT_BIT_LOGS": "/var/log/containers/*.log", "FLUENT_BIT_STATE": "/var/fluent-bit/state", "FLUENT_BIT_HTTP_PORT": "2020",
		"FLUENT_BIT_PLUGINS": "/fluent-bit/opensearch-irsa/plugins.conf", "FLUENT_BIT_METRICS_PORT": "2021",
		"FLUENT_BIT_KUBE_URL": "https://kubernetes.default.svc:443", "FLUENT_BIT_KUBE_FILES": "/var/run/secrets/kubernetes.io/serviceaccount", "FLUENT_BIT_KUBE_TTL": "0",
		"INDEX_NAME": "eks-log-" + strings.Trim(notInIndex.ReplaceAllString(strings.ToLower(t.Name()), "-"), "-"),
	})
	text, err := os.ReadFile(filepath.Join(moduleDir, "fluent-bit.conf"))
	if err != nil {
		t.Fatal(err)
	}
	p.conf = string(text)
	p.write()
	return p
}

var notInIndex = regexp.MustCompile(`[^a-z0-9]+`)

// index is the one that records of today go to.
func (p *pod) index() string { return p.env["INDEX_NAME"] + time.Now().UTC().Format("-2006.01.02") }

// write writes the configuration.
func (p *pod) write() {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "fluent-bit.conf"), []byte(p.conf),
		0o600); err != nil {
		p.t.Fatal(err)
	}
}

// output puts lines into the [OUTPUT] section.
func (p *pod) output(lines ...string) {
	p.conf = strings.Replace(p.conf, "[OUTPUT]\n",
		"[OUTPUT]\n    "+strings.Join(lines, "\n    ")+"\n", 1)
	p.write()
}

// without takes an option's line out of the configuration.
func (p *pod) without(keys ...string) {
	var kept []string
	for line := range strings.SplitSeq(p.conf, "\n") {
		words := strings.Fields(line)
		drop := false
		for _, k := range keys {
			drop = drop || len(words) > 0 && words[0] == k
		}
		if !drop {
			kept = append(kept, line)
		}
	}
	p.conf = strings.Join(kept, "\n")
	p.write()
}

// ask runs the doctor and returns its exit status and what it printed. No secret may be in that.
func (p *pod) ask(args ...string) (code int, printed string) {
	p.t.Helper()
	var out, errs bytes.Buffer
	args = append(append([]string{"-config", filepath.Join(p.dir, "fluent-bit.conf")}, p.args...),
		args...)
	code = doctor.Run(p.t.Context(), args, &out, &errs,
		func(name string) string { return p.env[name] })
	if errs.Len() > 0 {
		p.t.Errorf("it complains: %s", &errs)
	}
	for _, name := range []string{"AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"} {
		if token, err := os.ReadFile(p.env[name]); err == nil && len(token) > 50 &&
			strings.Contains(out.String(), string(token[len(token)-40:])) {
			p.t.Errorf("the token is in what it prints")
		}
	}
	for _, secret := range []string{"IQoJb3JpZ2lu", "s3cret-passw0rd"} {
		if strings.Contains(out.String(), secret) {
			p.t.Errorf("a secret is in what it prints:\n%s", &out)
		}
	}
	return code, out.String()
}

// examine runs the doctor for machines.
func (p *pod) examine(args ...string) (int, doctor.Report) {
	p.t.Helper()
	code, printed := p.ask(append(args, "--json")...)
	var r doctor.Report
	if err := json.Unmarshal([]byte(printed), &r); err != nil {
		p.t.Fatalf("%v in %s", err, printed)
	}
	return code, r
}

// find returns the check of that id; where there are several, with all their words.
func find(t *testing.T, r doctor.Report, id string) doctor.Check {
	t.Helper()
	var found doctor.Check
	for _, c := range r.Checks {
		if c.ID == id && found.ID == "" {
			found = c
		} else if c.ID == id {
			found.Summary += "; " + c.Summary
		}
	}
	if found.ID == "" {
		t.Fatalf("there is no check %s", id)
	}
	return found
}

// show writes a report for a test that failed.
func show(r doctor.Report) string {
	var w strings.Builder
	for _, c := range r.Checks {
		fmt.Fprintf(&w, "%-8s %-14s %s → %s\n", c.Status, c.ID, c.Summary, c.Remedy)
	}
	return w.String()
}

// admin sends a request as the domain's admin and wants a 2xx.
func admin(t *testing.T, method, path, body string) string {
	t.Helper()
	status, answer, err := world.OpenSearch.Do(t.Context(), method, path, body)
	if err != nil || status/100 != 2 {
		t.Fatalf("%s %s: %d %.500s (%v)", method, path, status, answer, err)
	}
	return string(answer)
}

// withoutCancel is for what a test puts back at its end.
func withoutCancel(t *testing.T) context.Context { return context.WithoutCancel(t.Context()) }

// letRead gives roles what the doctor needs to look into the index, until the test ends.
func letRead(t *testing.T, more ...string) {
	t.Helper()
	admin(t, "PUT", "/_plugins/_security/api/roles/"+reader, `{"index_permissions":[{"index_patterns":["eks-log*"],
		"allowed_actions":["indices:data/read/search","indices:admin/mappings/get","indices:data/write/delete"]}]}`)
	admin(t, "PUT", "/_plugins/_security/api/rolesmapping/"+reader,
		`{"backend_roles":["`+strings.Join(append(more, world.RoleARN), `","`)+`"]}`)
	t.Cleanup(func() {
		_, _, _ = world.OpenSearch.Do(withoutCancel(t), "DELETE",
			"/_plugins/_security/api/rolesmapping/"+reader, "")
	})
}

// mapNobody takes the writer's role away until the test ends.
func mapNobody(t *testing.T) {
	t.Helper()
	if err := world.OpenSearch.MapWriter(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := world.OpenSearch.MapWriter(withoutCancel(t), world.RoleARN); err != nil {
			t.Error(err)
		}
	})
}

// store puts a document into the pod's index, as old as that.
func (p *pod) store(old time.Duration) {
	p.t.Helper()
	admin(p.t, "POST", "/"+p.index()+"/_doc?refresh=true",
		fmt.Sprintf(`{"@timestamp":%q,"log":"x"}`,
			time.Now().Add(-old).UTC().Format("2006-01-02T15:04:05.000Z")))
}

// mint writes a token of the pod's own, and returns its path.
func (p *pod) mint(token localaws.ServiceAccountToken) string {
	p.t.Helper()
	if token.Namespace == "" {
		token.Namespace = "logging"
	}
	if token.ServiceAccount == "" {
		token.ServiceAccount = "fluent-bit"
	}
	text, err := world.Issuer.Mint(token)
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(p.dir, "token")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	p.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = path
	return path
}

// serve runs a server until the test ends, with a certificate of that authority; nil for plain
// HTTP.
func serve(t *testing.T, handler http.Handler, ca *localaws.CA) *localaws.Server {
	t.Helper()
	server, err := serveWith(handler, ca)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

func serveWith(handler http.Handler, ca *localaws.CA) (*localaws.Server, error) {
	if ca == nil {
		return localaws.Serve(handler, nil)
	}
	certificates, err := ca.ServerTLS()
	if err != nil {
		return nil, err
	}
	return localaws.Serve(handler, certificates)
}

// ownDoor gives the pod a front door of its own to the same OpenSearch.
func (p *pod) ownDoor() *localaws.FrontDoor {
	p.t.Helper()
	return p.door(localaws.FrontDoorOptions{DomainARN: world.DomainARN})
}

func (p *pod) door(o localaws.FrontDoorOptions) *localaws.FrontDoor {
	p.t.Helper()
	upstream, err := url.Parse(world.OpenSearch.URL)
	if err != nil {
		p.t.Fatal(err)
	}
	o.IAM, o.Region, o.Upstream, o.UpstreamCA = world.IAM, region, upstream, world.CA.Pool()
	door := localaws.NewFrontDoor(o)
	p.env["OPENSEARCH_ENDPOINT"] = serve(p.t, door, world.CA).URL()
	return door
}

// ownRole gives the pod another role, with that policy, until the test ends.
func (p *pod) ownRole(name, permissions string) {
	p.t.Helper()
	provider := localaws.IdentityProvider(world.Issuer.URL())
	trust := strings.NewReplacer("${NAMESPACE}", "logging", "${SERVICE_ACCOUNT}", "fluent-bit",
		"${IDENTITY_PROVIDER_ARN}", world.IAM.AddIdentityProvider(world.Issuer.URL(),
			localaws.STSAudience), "${IDENTITY_PROVIDER}", provider).
		Replace(read(p.t, "deploy/iam/trust-policy.json"))
	arn, err := world.IAM.PutRole(name, []byte(trust),
		[]byte(strings.ReplaceAll(permissions, "${OPENSEARCH_ARN}", world.DomainARN)))
	if err != nil {
		p.t.Fatal(err)
	}
	p.env["AWS_ROLE_ARN"] = arn
	if err := world.OpenSearch.MapWriter(p.t.Context(), world.RoleARN, arn); err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := world.OpenSearch.MapWriter(withoutCancel(p.t), world.RoleARN); err != nil {
			p.t.Error(err)
		}
	})
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleDir, name))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
