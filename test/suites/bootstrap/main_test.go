// Package bootstrap runs deploy/bootstrap, as a person would, against a real OpenSearch with its
// security plugin, and looks at what is there afterwards. Index State Management and Dashboards,
// which Maven Central does not have, are stood in for by fakes in front of it: the first takes what
// the plugin's parser takes, the second keeps what is imported.
//
// The tests share one OpenSearch and take turns.
package bootstrap

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/stack"
)

var (
	world  *stack.Stack // nil if unmet says why
	binary string       // the program under test
	unmet  string       // what is missing on this machine
)

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(run(m))
}

func run(m *testing.M) int {
	if unmet = stack.Unmet("OPENSEARCH_HOME"); unmet != "" {
		return stack.RunUnmet(m, unmet)
	}
	dir, err := os.MkdirTemp("", "bootstrap-")
	if err == nil {
		defer func() { _ = os.RemoveAll(dir) }()
		err = start(dir)
	}
	if err != nil {
		fmt.Println("bootstrap tests:", err)
		return 1
	}
	code := m.Run()
	if err := world.Close(); err != nil {
		fmt.Println("bootstrap tests:", err)
		code = 1
	}
	return code
}

func start(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), stack.Patience)
	defer cancel()
	binary = filepath.Join(dir, "opensearch-irsa-bootstrap")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary,
		"out_opensearch_irsa/deploy/bootstrap")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build the program: %w: %s", err, out)
	}
	var err error
	world, err = stack.New(ctx, stack.Options{OpenSearchHome: os.Getenv("OPENSEARCH_HOME"),
		Unmapped: true})
	return err
}

// domain is the test's OpenSearch with what a domain has besides.
type domain struct {
	url        string
	ism        *localaws.ISM
	dashboards *localaws.Dashboards
}

// newDomain puts the fakes in front of OpenSearch.
func newDomain(t *testing.T) *domain {
	t.Helper()
	if unmet != "" {
		t.Skip(unmet)
	}
	upstream, err := url.Parse(world.OpenSearch.URL)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: world.CA.Pool(),
		MinVersion: tls.VersionTLS12}}
	t.Cleanup(transport.CloseIdleConnections)
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(upstream)
		r.Out.Header["X-Forwarded-For"] = r.In.Header["X-Forwarded-For"] // the front door's
	}}
	d := &domain{ism: &localaws.ISM{Indexes: indexes}, dashboards: &localaws.Dashboards{}}
	mux := http.NewServeMux()
	mux.Handle(localaws.ISMPath, d.ism)
	mux.Handle("/_dashboards/", http.StripPrefix("/_dashboards", d.dashboards))
	mux.Handle("/", proxy)
	server, err := localaws.Serve(mux, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	d.url = server.URL()
	return d
}

// indexes names those that match a pattern.
func indexes(r *http.Request, pattern string) ([]string, error) {
	status, answer, err := world.OpenSearch.Do(r.Context(), "GET",
		"/_cat/indices/"+pattern+"?format=json&h=index&expand_wildcards=all", "")
	if err != nil || status != 200 {
		return nil, fmt.Errorf("cannot list indexes: %d %s: %w", status, answer, err)
	}
	var list []struct{ Index string }
	err = json.Unmarshal(answer, &list)
	var names []string
	for _, l := range list {
		names = append(names, l.Index)
	}
	return names, err
}

// asMaster is the environment of a person who knows the master user's password.
func asMaster(endpoint string) []string {
	return []string{
		"OPENSEARCH_ENDPOINT=" + endpoint, "OPENSEARCH_USERNAME=" + world.OpenSearch.Username, "OPENSEARCH_PASSWORD=" + world.OpenSearch.Password,
		"FLUENT_BIT_ROLE_ARN=" + world.RoleARN,
	}
}

// bootstrap runs the program and returns what it says, and its exit status.
func bootstrap(t *testing.T, env []string, arguments ...string) (string, int) {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary, arguments...)
	command.Env = append(env, "SSL_CERT_FILE="+world.CAFile)
	out, err := command.CombinedOutput()
	var ended *exec.ExitError
	if err != nil && !errors.As(err, &ended) {
		t.Fatal(err)
	}
	if bytes.Contains(out, []byte(world.OpenSearch.Password)) {
		t.Errorf("it says the password: %s", out)
	}
	t.Logf("%s\n%s", strings.Join(arguments, " "), out)
	return string(out), command.ProcessState.ExitCode()
}

// do asks OpenSearch as its admin and wants a success.
func do(t *testing.T, method, path, body string) map[string]any {
	t.Helper()
	status, answer, err := world.OpenSearch.Do(context.WithoutCancel(t.Context()), method, path, body) // cleaning up too
	if err != nil || status/100 != 2 {
		t.Fatalf("%s %s: %d %.500s (%v)", method, path, status, answer, err)
	}
	var o map[string]any
	if err := json.Unmarshal(answer, &o); err != nil {
		t.Fatalf("%s %s: %.500s: %v", method, path, answer, err)
	}
	return o
}

// statusOf is the status of an answer to GET.
func statusOf(t *testing.T, path string) int {
	t.Helper()
	status, _, err := world.OpenSearch.Do(t.Context(), "GET", path, "")
	if err != nil {
		t.Fatal(err)
	}
	return status
}
