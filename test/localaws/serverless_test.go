package localaws

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"strings"
	"testing"
	"time"
)

// serverless gives an account's door a collection's face.
func serverless(t *testing.T, a *account, kind Collection) {
	t.Helper()
	a.door.options.Collection, a.door.options.DomainARN = kind, "arn:aws:aoss:eu-central-1:123456789012:collection/abc"
	trust := filled(t, "trust-policy.json", map[string]string{"NAMESPACE": "logging", "SERVICE_ACCOUNT": "fluent-bit", "IDENTITY_PROVIDER_ARN": a.providerIs, "IDENTITY_PROVIDER": IdentityProvider(a.issuer.URL())})
	if _, err := a.iam.PutRole("fluent-bit", trust, []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"aoss:APIAccessAll","Resource":"arn:aws:aoss:*"}}`)); err != nil {
		t.Fatal(err)
	}
}

// signedHash is a request with the header that Serverless wants, signed for aoss.
func signedHash(t *testing.T, a *account, service, method, path, body, hash string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, a.doorAt.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if hash != "" {
		r.Header.Set("X-Amz-Content-Sha256", hash)
	}
	return resign(t, r, a.open(), body, service, testRegion, time.Now())
}

func TestServerlessAnswers(t *testing.T) {
	doc := "{\"create\":{}}\n{\"a\":1}\n"
	f := func(name string, status int, want string, prepare func(a *account) *http.Request) {
		t.Helper()
		a := newAccount(t)
		serverless(t, a, TimeSeries)
		if got, answer, _ := send(t, prepare(a)); got != status || !strings.Contains(answer, want) {
			t.Errorf("%s: got %d %s\nwant %d %s", name, got, answer, status, want)
		}
	}
	f("good", 200, `{"errors":false}`, func(a *account) *http.Request {
		return signedHash(t, a, "aoss", "POST", "/_bulk", doc, hashOf(doc))
	})
	f("no hash", 403, `"reason":"403 Forbidden","type":"Forbidden"`, func(a *account) *http.Request {
		return signedHash(t, a, "aoss", "POST", "/_bulk", doc, "")
	})
	f("another body's hash", 403, `"type":"Forbidden"`, func(a *account) *http.Request {
		return signedHash(t, a, "aoss", "POST", "/_bulk", doc, hashOf("x"))
	})
	f("signed for a domain", 403, "Credential should be scoped to correct service: 'aoss'", func(a *account) *http.Request {
		return signedHash(t, a, "es", "POST", "/_bulk", doc, hashOf(doc))
	})
	f("an API that it lacks", 404, "", func(a *account) *http.Request {
		return signedHash(t, a, "aoss", "GET", "/_cluster/health", "", hashOf(""))
	})
	f("the root, which it lacks too", 404, "", func(a *account) *http.Request {
		return signedHash(t, a, "aoss", "GET", "/", "", hashOf(""))
	})
	f("data access", 403, "User does not have permissions for the requested resource", func(a *account) *http.Request {
		a.door.SetDataAccess("arn:aws:iam::123456789012:role/other")
		return signedHash(t, a, "aoss", "POST", "/_bulk", doc, hashOf(doc))
	})
	f("too large", 413, "Request size exceeded 1000 bytes", func(a *account) *http.Request {
		big := strings.Repeat("x", 1001)
		return signedHash(t, a, "aoss", "POST", "/_bulk", big, hashOf(big))
	})
}

// TestTimeSeriesRefusesIDs sends items with and without ids in one request, as text and zipped: those without are done.
func TestTimeSeriesRefusesIDs(t *testing.T) {
	body := "{\"create\":{\"_id\":\"1\"}}\n{\"a\":1}\n{\"create\":{}}\n{\"a\":2}\n{\"index\":{\"_id\":\"3\"}}\n{\"a\":3}\n"
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(body))
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for _, encoding := range []string{"", "gzip"} {
		a := newAccount(t)
		a.says = `{"took":1,"errors":false,"items":[{"create":{"status":201}}]}`
		serverless(t, a, TimeSeries)
		sent := body
		if encoding != "" {
			sent = zipped.String()
		}
		r := signedHash(t, a, "aoss", "POST", "/x/_bulk?filter_path=errors", sent, hashOf(sent))
		if encoding != "" {
			r.Header.Set("Content-Encoding", encoding)
		}
		status, answer, _ := send(t, r)
		want := `{"errors":true,"items":[{"create":` + refusedID + `},{"create":{"status":201}},{"index":` + refusedID + `}]}`
		if status != 200 || answer != want {
			t.Errorf("got %d %s\nwant %s", status, answer, want)
		}
		if a.body != "{\"create\":{}}\n{\"a\":2}\n" || a.arrived.URL.RawQuery != "" {
			t.Errorf("OpenSearch got %q with query %q", a.body, a.arrived.URL.RawQuery)
		}
	}
	// A search collection takes them.
	a := newAccount(t)
	serverless(t, a, Search)
	if status, _, _ := send(t, signedHash(t, a, "aoss", "POST", "/x/_bulk", body, hashOf(body))); status != 200 || a.body != body {
		t.Errorf("got %d, and OpenSearch %q", status, a.body)
	}
}
