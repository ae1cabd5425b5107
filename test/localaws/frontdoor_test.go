package localaws

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func readCloser(s string) io.ReadCloser { return io.NopCloser(strings.NewReader(s)) }

func TestFrontDoorAnswers(t *testing.T) {
	f := func(name string, status int, body string, prepare func(a *account) *http.Request) {
		t.Helper()
		a := newAccount(t)
		gotStatus, gotBody, _ := send(t, prepare(a))
		if gotStatus != status || gotBody != body {
			t.Errorf("%s: got %d %s\nwant %d %s", name, gotStatus, gotBody, status, body)
		}
		if stats := a.door.Stats(); stats.Requests != 1 || stats.Statuses[status] != 1 {
			t.Errorf("%s: counted %+v", name, stats)
		}
		if a.arrived != nil {
			t.Errorf("%s: it reached OpenSearch", name)
		}
	}
	bulk := func(a *account) *http.Request { return a.signed(t, a.open(), http.MethodPost, "/_bulk", "{}\n") }

	f("expired session", 403, `{"message":"The security token included in the request is expired"}`, func(a *account) *http.Request {
		r := bulk(a)
		a.iam.ExpireSessions()
		return r
	})
	f("revoked session", 403, `{"message":"The security token included in the request is invalid."}`, func(a *account) *http.Request {
		r := bulk(a)
		a.iam.RevokeSessions()
		return r
	})
	f("nobody signed", 403, `{"Message":"User: anonymous is not authorized to perform: es:ESHttpPost because no resource-based policy allows the es:ESHttpPost action"}`,
		func(a *account) *http.Request {
			r, err := http.NewRequest(http.MethodPost, a.doorAt.URL+"/_bulk", strings.NewReader("{}\n"))
			if err != nil {
				t.Fatal(err)
			}
			return r
		})
	f("half signed", 403, `{"message":"Missing Authentication Token"}`, func(a *account) *http.Request {
		r := bulk(a)
		r.Header.Del("Authorization")
		return r
	})
	f("too large", 413, `{"Message":"Request size exceeded 1000 bytes"}`, func(a *account) *http.Request {
		return a.signed(t, a.open(), http.MethodPost, "/_bulk", strings.Repeat("x", 1001))
	})
	f("least privilege, another method",
		403, `{"Message":"User: arn:aws:sts::123456789012:assumed-role/fluent-bit/test is not authorized to perform: es:ESHttpGet because no identity-based policy allows the es:ESHttpGet action"}`,
		func(a *account) *http.Request {
			a.putRole(t, "fluent-bit", "policy-least-privilege.json")
			return a.signed(t, a.open(), http.MethodGet, "/_bulk", "")
		})
	f("least privilege, another path",
		403, `{"Message":"User: arn:aws:sts::123456789012:assumed-role/fluent-bit/test is not authorized to perform: es:ESHttpPost because no identity-based policy allows the es:ESHttpPost action"}`,
		func(a *account) *http.Request {
			a.putRole(t, "fluent-bit", "policy-least-privilege.json")
			return a.signed(t, a.open(), http.MethodPost, "/eks-log/_search", "")
		})
	f("throttled by the domain", 429, "429 Too Many Requests /_bulk", func(a *account) *http.Request {
		a.door.SetThrottle(Throttle429)
		return bulk(a)
	})
	f("throttled by IAM", 403, `{"message":"Rate exceeded"}`, func(a *account) *http.Request {
		a.door.SetThrottle(Throttle403)
		return bulk(a)
	})
	f("outage", 503, "<html><body><b>Http/1.1 Service Unavailable</b></body> </html>", func(a *account) *http.Request {
		a.door.SetOutage(true)
		return bulk(a)
	})
}

func TestFrontDoorClock(t *testing.T) {
	f := func(offset time.Duration, status int, want string) {
		t.Helper()
		a := newAccount(t)
		a.door.SetClockOffset(offset)
		got, answer, date := send(t, a.signed(t, a.open(), http.MethodPost, "/_bulk", "{}\n"))
		if got != status || !strings.Contains(answer, want) {
			t.Errorf("%s ahead: got %d %s", offset, got, answer)
		}
		if off := date.Sub(time.Now().Add(offset)).Abs(); off > time.Minute {
			t.Errorf("%s ahead: Date is %s off", offset, off)
		}
	}
	f(4*time.Minute, 200, "")
	f(-4*time.Minute, 200, "")
	f(6*time.Minute, 403, `{"message":"Signature expired: `)
	f(6*time.Minute, 403, ` - 5 min.)"}`)
	f(-6*time.Minute, 403, `{"message":"Signature not yet current: `)
}

func TestFrontDoorNamesTheRole(t *testing.T) {
	a := newAccount(t)
	request := a.signed(t, a.open(), http.MethodPost, "/_bulk", "{}\n")
	for name, value := range map[string]string{
		"X-Proxy-User": "admin", "x-proxy-roles": "admin", "X-Proxy-Other": "x", "X-Forwarded-For": "10.0.0.1", "Forwarded": "for=10.0.0.1",
	} {
		request.Header.Set(name, value)
	}
	if status, answer, _ := send(t, request); status != http.StatusOK || answer != `{"errors":false}` {
		t.Fatalf("got %d %s", status, answer)
	}
	want := map[string]string{
		"X-Proxy-User": "arn:aws:sts::123456789012:assumed-role/fluent-bit/test", "X-Proxy-Roles": a.roleARN, "X-Forwarded-For": "127.0.0.1",
		"X-Proxy-Other": "", "Forwarded": "", "Authorization": "", "X-Amz-Security-Token": "", "X-Amz-Date": "", "Content-Type": "application/x-ndjson",
	}
	for name, value := range want {
		if got := strings.Join(a.arrived.Header.Values(name), "|"); got != value {
			t.Errorf("OpenSearch got %s %q, want %q", name, got, value)
		}
	}
	if caller := a.door.Stats().LastCaller; caller != want["X-Proxy-User"] {
		t.Errorf("the last caller is %q", caller)
	}
}

func TestFrontDoorLosesAnswers(t *testing.T) {
	a := newAccount(t)
	a.door.LoseAnswers(1)
	request := a.signed(t, a.open(), http.MethodPost, "/_bulk", "{}\n")
	request.GetBody = nil // net/http shall not try again by itself
	if status, _, _ := send(t, request); status != 0 || a.arrived == nil {
		t.Errorf("got status %d, reached OpenSearch: %t", status, a.arrived != nil)
	}
	if status, _, _ := send(t, a.signed(t, a.open(), http.MethodPost, "/_bulk", "{}\n")); status != http.StatusOK {
		t.Errorf("the next request got %d", status)
	}
}

func TestServerDownAndUp(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	tlsConfig, err := ca.ServerTLS()
	if err != nil {
		t.Fatal(err)
	}
	server, err := Serve(http.NotFoundHandler(), tlsConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: tlsConfig.Clone()}}
	client.Transport.(*http.Transport).TLSClientConfig.RootCAs = ca.Pool()
	get := func() error {
		response, err := client.Get(server.URL()) //nolint:noctx // loopback, and nothing to cancel
		if err == nil {
			_ = response.Body.Close()
		}
		return err
	}
	if err := get(); err != nil {
		t.Error(err)
	}
	if err := server.Down(); err != nil {
		t.Error(err)
	}
	if err := get(); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("while down: %v", err)
	}
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	if err := get(); err != nil {
		t.Error(err)
	}
}
