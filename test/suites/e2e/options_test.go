package e2e

import (
	"context"
	"crypto/tls"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"out_opensearch_irsa/test/fixtures/stack"
)

// TestBasicAuth sends without AWS, over plain HTTP, with a user and a password: to a reverse proxy
// as people put one before a cluster of their own.
func TestBasicAuth(t *testing.T) {
	t.Parallel()
	n := newNode(t, newest())
	upstream, err := url.Parse(world.OpenSearch.URL)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var strangers []string // guarded by mu
	requests := 0          // guarded by mu
	proxy := &httputil.ReverseProxy{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: world.CA.Pool(),
			MinVersion: tls.VersionTLS12}},
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			user, password, _ := r.In.BasicAuth()
			mu.Lock()
			defer mu.Unlock()
			requests++
			if user != world.OpenSearch.Username || password != world.OpenSearch.Password {
				strangers = append(strangers, "user "+user)
			}
			for name := range r.In.Header {
				if strings.HasPrefix(name, "X-Amz-") {
					strangers = append(strangers, "header "+name)
				}
			}
		},
	}
	t.Cleanup(proxy.Transport.(*http.Transport).CloseIdleConnections)
	server := serve(t, proxy, nil)
	n.config = shipped(t, set{"OUTPUT", "AWS_Auth", "Off"},
		set{"OUTPUT", "HTTP_User", "${THE_USER}"}, set{"OUTPUT", "HTTP_Passwd", "${THE_PASSWORD}"})
	n.env = map[string]string{
		"OPENSEARCH_ENDPOINT": server.URL(), "THE_USER": world.OpenSearch.Username, "THE_PASSWORD": world.OpenSearch.Password,
		"AWS_ROLE_ARN": "", "AWS_WEB_IDENTITY_TOKEN_FILE": "", "AWS_REGION": "", "AWS_DEFAULT_REGION": "", "AWS_ENDPOINT_URL_STS": "",
	}
	a := n.start()
	n.write(1000)
	expectLines(t, n.index, 1000)
	a.stop()
	mu.Lock()
	defer mu.Unlock()
	if len(strangers) > 0 || requests == 0 {
		t.Errorf("of %d requests these are not as they should be: %q", requests, strangers)
	}
	for _, line := range a.Log() {
		if strings.Contains(line, world.OpenSearch.Password) {
			t.Errorf("the password is in the log: %s", line)
		}
	}
}

// TestMistakes makes mistakes in the section: the agent does not start, and says all that is wrong.
func TestMistakes(t *testing.T) {
	tests := []struct {
		name    string
		changes []set
		env     map[string]string
		says    []string // each in a line of its own
	}{
		{
			"only Host",
			[]set{{"OUTPUT", "Endpoint", ""},
				{"OUTPUT", "Host", "search-logs-abc123.eu-central-1.es.amazonaws.com"}},
			map[string]string{"OPENSEARCH_ENDPOINT": ""},
			[]string{"Endpoint: it is missing. Write Endpoint with the domain's host name, or " +
				"set OPENSEARCH_ENDPOINT. (Host, Port and TLS do not reach this plugin: Fluent " +
				"Bit keeps them"},
		},
		{
			"several at once",
			[]set{{"OUTPUT", "Compress", "zstd"}, {"OUTPUT", "Max_Request_Size", "1"},
				{"OUTPUT", "Write_Operation", "delete"},
				{"OUTPUT", "HTTP_User", "admin"}, {"OUTPUT", "TLS_CA_File", "missing.pem"}},
			map[string]string{"AWS_REGION": "", "AWS_DEFAULT_REGION": ""},
			[]string{`Compress "zstd": write gzip or none`,
				`Max_Request_Size "1": write a size from`, `Write_Operation "delete": write create`,
				`HTTP_User "admin": a request carries either a signature or a user`,
				`TLS_CA_File "missing.pem": it cannot be read`,
				"AWS_Region: it is missing"},
		},
		{
			"index name that OpenSearch refuses",
			nil,
			map[string]string{"INDEX_NAME": "eks-Log"},
			[]string{`Index: cannot use index name "eks-Log-%Y.%m.%d": 'L' is upper case`},
		},
		{
			"index name and another option",
			[]set{{"OUTPUT", "Compress", "zstd"}},
			map[string]string{"INDEX_NAME": "eks-Log"},
			[]string{`Compress "zstd"`, `"eks-Log-%Y.%m.%d"`},
		},
		{
			"no role",
			nil,
			map[string]string{"AWS_ROLE_ARN": "", "AWS_WEB_IDENTITY_TOKEN_FILE": ""},
			[]string{"the pod has no AWS credentials: neither AWS_ROLE_ARN with " +
				"AWS_WEB_IDENTITY_TOKEN_FILE"},
		},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, newest())
			n.config = shipped(t, c.changes...)
			n.env = c.env
			a := n.launch()
			ctx, cancel := context.WithTimeout(t.Context(), stack.Patience)
			defer cancel()
			status, err := a.Wait(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if status == 0 {
				t.Error("the agent ended as if all were well")
			}
			lines := a.ours("error")
			for _, part := range c.says {
				found := 0
				for _, line := range lines {
					if strings.Contains(line, part) {
						found++
					}
				}
				if found != 1 {
					t.Errorf("%d lines say %q, want one:\n%s", found, part,
						strings.Join(lines, "\n"))
				}
			}
			if len(lines) != len(c.says) {
				t.Errorf("%d lines, want %d:\n%s", len(lines), len(c.says),
					strings.Join(lines, "\n"))
			}
		})
	}
}
