package bootstrap

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/stack"
)

// says fails unless each line of what a run said begins with a step and goes on as wanted.
func says(t *testing.T, out string, want map[string]string) {
	t.Helper()
	for step, text := range want {
		found := false
		for line := range strings.Lines(out) {
			if rest, ok := strings.CutPrefix(line, step+" "); ok {
				found = true
				if !strings.Contains(strings.TrimSpace(rest), text) {
					t.Errorf("%s: %q, want %q", step, strings.TrimSpace(rest), text)
				}
			}
		}
		if !found {
			t.Errorf("nothing is said of %s", step)
		}
	}
}

// steps are all steps of a run, each with the same outcome.
func steps(index, outcome string) map[string]string {
	return map[string]string{
		"index template " + index: outcome, "index template " + index + "-dead-letter": outcome, "lifecycle policy " + index: outcome,
		"role " + index + "-writer": outcome, "role mapping " + index + "-writer": outcome, "saved objects of " + index: outcome,
	}
}

// forget removes what earlier tests and the stack made, so that a run begins on an empty domain.
func forget(t *testing.T, index string) {
	t.Helper()
	for _, path := range []string{"/_plugins/_security/api/rolesmapping/" + index +
		"-writer", "/_plugins/_security/api/roles/" + index + "-writer",
		"/_index_template/" + index, "/_index_template/" + index + "-dead-letter", "/_index_template/" + index + "-data-stream"} {
		if _, _, err := world.OpenSearch.Do(context.WithoutCancel(t.Context()), "DELETE", path,
			""); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFromNothingToUnchanged(t *testing.T) {
	d := newDomain(t)
	forget(t, "eks-log")
	do(t, "PUT", "/eks-log-2026.11.01", "{}")
	t.Cleanup(func() { do(t, "DELETE", "/eks-log-2026.11.01", "") })

	out, code := bootstrap(t, asMaster(d.url), "-dry-run")
	says(t, out, steps("eks-log", "would be created"))
	if code != 0 || statusOf(t, "/_index_template/eks-log") != 404 ||
		statusOf(t, "/_plugins/_security/api/roles/eks-log-writer") != 404 ||
		d.dashboards.Imports() != 0 {
		t.Errorf("-dry-run: status %d, and the domain is not as it was", code)
	}

	out, code = bootstrap(t, asMaster(d.url))
	says(t, out, steps("eks-log", "created"))
	says(t, out, map[string]string{"indexes under it": "changed: 1 put under it"})
	if policy, _ := d.ism.Following("eks-log-2026.11.01"); code != 0 || policy != "eks-log" {
		t.Errorf("status %d, the index that was there follows policy %q", code, policy)
	}

	out, code = bootstrap(t, asMaster(d.url))
	says(t, out, steps("eks-log", "unchanged"))
	says(t, out, map[string]string{"indexes under it": "unchanged"})
	if code != 0 || d.dashboards.Imports() != 1 {
		t.Errorf("a second run: status %d, %d imports", code, d.dashboards.Imports())
	}

	// Other wishes change what they are about. Somebody else's mapping stays.
	do(t, "PUT", "/_plugins/_security/api/rolesmapping/eks-log-writer",
		`{"backend_roles":["arn:aws:iam::123456789012:role/other"],"users":["ann"],"hosts":[]}`)
	out, code = bootstrap(t, asMaster(d.url), "-retention", "14d", "-shards", "3", "-replicas", "0")
	want := steps("eks-log", "changed")
	want["role eks-log-writer"], want["saved objects of eks-log"] = "unchanged", "unchanged"
	want["role mapping eks-log-writer"] = "changed: 1 backend roles that had it keep it"
	want["indexes under it"] = "changed: 1 follow its new version"
	says(t, out, want)
	mapping := do(t, "GET", "/_plugins/_security/api/rolesmapping/eks-log-writer",
		"")["eks-log-writer"].(map[string]any)
	if got := fmt.Sprint(mapping["backend_roles"], mapping["users"]); code != 0 ||
		got != "["+world.RoleARN+" arn:aws:iam::123456789012:role/other] [ann]" {
		t.Errorf("status %d, the mapping is %s", code, got)
	}
	if _, body := d.ism.Following("eks-log-2026.11.01"); !strings.Contains(string(body), `"14d"`) ||
		strings.Contains(string(body), `"30d"`) {
		t.Errorf("the index follows %s", body)
	}
	made := do(t, "PUT", "/eks-log-2026.11.02", "{}")
	t.Cleanup(func() { do(t, "DELETE", "/eks-log-2026.11.02", "") })
	if made["acknowledged"] != true {
		t.Errorf("cannot make an index: %v", made)
	}
	settings := fmt.Sprint(do(t, "GET",
		"/eks-log-2026.11.02/_settings/index.number*,index.codec?flat_settings=true", ""))
	for _, s := range []string{"index.number_of_shards:3", "index.number_of_replicas:0",
		"index.codec:best_compression"} {
		if !strings.Contains(settings, s) {
			t.Errorf("a new index has not %s: %s", s, settings)
		}
	}
}

// TestTwoNamesOnOneDomain puts a name that begins with another: each has its own templates,
// policies and role.
func TestTwoNamesOnOneDomain(t *testing.T) {
	d := newDomain(t)
	names := []string{"two", "two-staging", "two1"}
	for _, name := range names {
		out, code := bootstrap(t, asMaster(d.url), "-index", name)
		t.Cleanup(func() { forget(t, name) })
		says(t, out, steps(name, "created"))
		if code != 0 {
			t.Errorf("%s: status %d", name, code)
		}
	}
	for _, name := range names {
		out, code := bootstrap(t, asMaster(d.url), "-index", name)
		says(t, out, steps(name, "unchanged"))
		if code != 0 {
			t.Errorf("%s again: status %d", name, code)
		}
	}
}

// TestAsIAMRole runs it as an IAM role that is the domain's master, signed, through the front door.
func TestAsIAMRole(t *testing.T) {
	d := newDomain(t)
	upstream, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	door := localaws.NewFrontDoor(localaws.FrontDoorOptions{IAM: world.IAM, Region: "eu-central-1",
		DomainARN: world.DomainARN, Upstream: upstream})
	server, err := localaws.Serve(door, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	env := []string{"OPENSEARCH_ENDPOINT=" + server.URL(), "FLUENT_BIT_ROLE_ARN=" + world.RoleARN}
	for _, pair := range world.Env() {
		if strings.HasPrefix(pair, "AWS_") {
			env = append(env, pair)
		}
	}
	out, code := bootstrap(t, env, "-index", "by-role")
	if code != 2 || !strings.Contains(out, "run this as the domain's master user") {
		t.Errorf("a role that may do nothing: status %d", code)
	}
	do(t, "PUT", "/_plugins/_security/api/rolesmapping/all_access",
		`{"backend_roles":["admin","`+world.RoleARN+`"]}`)
	t.Cleanup(func() {
		do(t, "PUT", "/_plugins/_security/api/rolesmapping/all_access",
			`{"backend_roles":["admin"]}`)
	})
	t.Cleanup(func() { forget(t, "by-role") })
	out, code = bootstrap(t, env, "-index", "by-role")
	says(t, out, steps("by-role", "created"))
	if code != 0 {
		t.Errorf("status %d", code)
	}
	if objects := fmt.Sprint(d.dashboards.Objects()); strings.Contains(objects, "eks-log") ||
		!strings.Contains(objects, "by-role*") {
		t.Errorf("the saved objects are for another index: %s", objects)
	}
}

// TestThroughATunnel reaches a domain under another address than its certificate's, as the way
// through a pod into a VPC has it.
func TestThroughATunnel(t *testing.T) {
	d := newDomain(t)
	const name = "vpc-shop-abc123.eu-west-1.es.amazonaws.com"
	inner, err := url.Parse(d.url)
	if err != nil {
		t.Fatal(err)
	}
	config, err := world.CA.ServerTLS(name)
	if err != nil {
		t.Fatal(err)
	}
	config.GetConfigForClient = func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
		if hello.ServerName != name {
			return nil, fmt.Errorf("nobody here is called %q", hello.ServerName)
		}
		return nil, nil
	}
	server, err := localaws.Serve(httputil.NewSingleHostReverseProxy(inner), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	t.Cleanup(func() { forget(t, "tunnel") })
	port := server.URL()[strings.LastIndex(server.URL(), ":"):]
	env := asMaster("https://" + name)
	if out, code := bootstrap(t, env, "-index", "tunnel", "-o",
		"Endpoint=https://127.0.0.1"+port); code != 2 {
		t.Errorf("the domain is reached by another name: status %d: %s", code, out)
	}
	out, code := bootstrap(t, env, "-index", "tunnel", "-o", "Endpoint=https://127.0.0.1"+port,
		"-o", "TLS_Server_Name="+name)
	says(t, out, steps("tunnel", "created"))
	if code != 0 || !strings.Contains(fmt.Sprint(d.dashboards.Objects()), "tunnel*") {
		t.Errorf("status %d", code)
	}
}

// TestPlainOpenSearch runs it where neither Index State Management nor Dashboards is.
func TestPlainOpenSearch(t *testing.T) {
	newDomain(t)
	forget(t, "eks-log")
	out, code := bootstrap(t, asMaster(world.OpenSearch.URL))
	want := steps("eks-log", "created")
	want["lifecycle policy eks-log"] = "skipped: this server has no Index State Management"
	want["saved objects of eks-log"] = "failed: "
	says(t, out, want)
	if code != 1 || !strings.Contains(out, "-no-dashboards") {
		t.Errorf("status %d, and it must say what to do about Dashboards", code)
	}
	if _, code = bootstrap(t, asMaster(world.OpenSearch.URL), "-no-dashboards"); code != 0 {
		t.Errorf("with -no-dashboards: status %d", code)
	}
}

func TestDataStream(t *testing.T) {
	d := newDomain(t)
	out, code := bootstrap(t, asMaster(d.url), "-index", "stream", "-data-stream", "-no-role")
	says(t, out, map[string]string{
		"index template stream-data-stream": "created", "data stream stream": "created", "lifecycle policy stream-data-stream": "created",
		"index template stream-dead-letter": "created",
	})
	out, again := bootstrap(t, asMaster(d.url), "-index", "stream", "-data-stream", "-no-role")
	if code != 0 || again != 0 || strings.Contains(out, "created") ||
		strings.Contains(out, "changed:") {
		t.Errorf("status %d, then %d: %s", code, again, out)
	}
	do(t, "PUT", "/taken", "{}")
	out, code = bootstrap(t, asMaster(d.url), "-index", "taken", "-data-stream", "-no-role")
	says(t, out, map[string]string{"data stream taken": "failed: the name is taken by one of the " +
		"server's indices"})
	if code != 1 {
		t.Errorf("a name that is taken: status %d", code)
	}
}

func TestRefusals(t *testing.T) {
	d := newDomain(t)
	f := func(env []string, arguments []string, wantCode int, want string) {
		t.Helper()
		out, code := bootstrap(t, env, arguments...)
		if code != wantCode || !strings.Contains(out, want) {
			t.Errorf("status %d, want %d and %q in: %s", code, wantCode, want, out)
		}
	}
	without := func(env []string, name string) []string {
		var kept []string
		for _, pair := range env {
			if !strings.HasPrefix(pair, name+"=") {
				kept = append(kept, pair)
			}
		}
		return kept
	}
	master := asMaster(d.url)
	f(append(without(master, "OPENSEARCH_PASSWORD"), "OPENSEARCH_PASSWORD=wrong"), nil, 2,
		"check HTTP_User and HTTP_Passwd")
	f(without(master, "FLUENT_BIT_ROLE_ARN"), nil, 2, "or set FLUENT_BIT_ROLE_ARN")
	f(master, []string{"-role-arn", "arn:aws:sts::123456789012:assumed-role/fluent-bit/x"}, 2,
		"write the role, arn:aws:iam::123456789012:role/fluent-bit")
	f(master, []string{"-role", "all_access"}, 2, "needs to write logs and nothing else")
	f(master, []string{"-index", "eks-log-%Y.%m.%d"}, 2, "write what comes before the date")
	f(master, []string{"-index", "Eks"}, 2, "lower case")
	f(master, []string{"-retention", "a month"}, 2, "such as 30d")
	f(master, []string{"-shards", "0"}, 2, "-shards 0")
	f(master, []string{"-warm", "-data-stream"}, 2, "-warm with -data-stream")
	f(master, []string{"-index", "late", "-dashboards", "dashboards.example.com"}, 2, "write a URL")
	if status := statusOf(t, "/_index_template/late"); status != 404 {
		t.Errorf("a mistake in a flag is found after the template was put: %d", status)
	}
	f(master, []string{"put"}, 2, `cannot use "put"`)
	f(without(master, "OPENSEARCH_ENDPOINT"), nil, 2, "Endpoint: it is missing")
	f(append(without(master, "OPENSEARCH_ENDPOINT"), "OPENSEARCH_ENDPOINT=http://127.0.0.1:1"), nil,
		2, "nothing listens there")
	const collection = "OPENSEARCH_ENDPOINT=x.eu-west-1.aoss.amazonaws.com"
	f([]string{collection}, []string{"-warm"}, 2, "cannot use -warm with a Serverless collection")
	f([]string{collection}, []string{"-data-stream"}, 2, "cannot use -data-stream with a "+
		"Serverless collection")
	f([]string{collection}, []string{"-delete-older"}, 2, "cannot use -delete-older with a "+
		"Serverless collection")
	f([]string{collection}, []string{"-reader", "people"}, 2, "cannot use -reader with a "+
		"Serverless collection")
	f([]string{collection, "OPENSEARCH_USERNAME=admin", "OPENSEARCH_PASSWORD=secret"}, nil, 2,
		"knows no users")

	// A user who is not the master may do nothing of this.
	do(t, "PUT", "/_plugins/_security/api/internalusers/ann",
		`{"password":"correct horse battery staple 7!"}`)
	f([]string{"OPENSEARCH_ENDPOINT=" +
		d.url, "OPENSEARCH_USERNAME=ann", "OPENSEARCH_PASSWORD=correct horse battery staple 7!",
		"FLUENT_BIT_ROLE_ARN=" + world.RoleARN},
		nil, 2, "run this as the domain's master user")
	// One who may look at the server and make templates, but not roles, is told so where it fails.
	do(t, "PUT", "/_plugins/_security/api/roles/templates",
		`{"cluster_permissions":["cluster:monitor/main","indices:admin/index_template/*"]}`)
	do(t, "PUT", "/_plugins/_security/api/rolesmapping/templates", `{"users":["ann"]}`)
	out, code := bootstrap(t, []string{"OPENSEARCH_ENDPOINT=" +
		d.url, "OPENSEARCH_USERNAME=ann", "OPENSEARCH_PASSWORD=correct horse battery staple 7!",
		"FLUENT_BIT_ROLE_ARN=" + world.RoleARN}, "-index", "anns", "-no-dashboards")
	says(t, out, map[string]string{"index template anns": "created",
		"role anns-writer": "run this as the domain's master user"})
	if code != 1 {
		t.Errorf("status %d", code)
	}
}

// TestWarm puts the policy that moves indexes to UltraWarm.
func TestWarm(t *testing.T) {
	d := newDomain(t)
	do(t, "PUT", "/warm-2026.11.01", "{}")
	out, code := bootstrap(t, asMaster(d.url), "-index", "warm", "-warm", "-no-role",
		"-no-dashboards")
	says(t, out, map[string]string{"lifecycle policy warm": "created",
		"indexes under it": "changed: 1 put under it"})
	if _, body := d.ism.Following("warm-2026.11.01"); code != 0 ||
		!strings.Contains(string(body), "warm_migration") {
		t.Errorf("status %d, the index follows %s", code, body)
	}
	// What is deleted before it would move does not move.
	_, code = bootstrap(t, asMaster(d.url), "-index", "warm", "-warm", "-no-role", "-no-dashboards",
		"-retention", "3d")
	if _, body := d.ism.Following("warm-2026.11.01"); code != 0 ||
		strings.Contains(string(body), "warm_migration") ||
		!strings.Contains(string(body), `"3d"`) {
		t.Errorf("status %d, the index follows %s", code, body)
	}
}

// TestMakeTarget looks that make runs this program.
func TestMakeTarget(t *testing.T) {
	root, err := stack.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil || !strings.Contains(string(text), "\nbootstrap: ") ||
		!strings.Contains(string(text), "go run ./deploy/bootstrap") {
		t.Errorf("the Makefile has no target bootstrap that runs deploy/bootstrap (%v)", err)
	}
}
