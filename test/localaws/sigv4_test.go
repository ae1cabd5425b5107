package localaws

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The signature of get-vanilla in AWS's own test suite.
func TestSignatureIsAWSsOwn(t *testing.T) {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	r.Host = "example.amazonaws.com"
	r.Header.Set("X-Amz-Date", "20150830T123600Z")
	canonical, refused := canonicalRequest(r, []string{"host", "x-amz-date"}, nil)
	if refused != nil {
		t.Fatal(refused.message)
	}
	auth := authorization{date: "20150830", region: "us-east-1", service: "service", scope: "20150830/us-east-1/service/aws4_request"}
	got := sign("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", auth, stringToSign(canonical, "20150830T123600Z", auth.scope))
	if want := "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// requests are what signers disagree about, if about anything.
var requests = []struct{ name, method, path, query, body string }{
	{"bulk", "POST", "/_bulk", "", "{\"create\":{}}\n{\"a\":1}\n"},
	{"filter path", "POST", "/_bulk", "filter_path=errors%2Citems.%2A.status&pipeline=a", "{}\n"},
	{"unsorted query", "GET", "/_search", "z=1&a=2&a=1&m", ""},
	{"blank and plus", "GET", "/_search", "q=a%20b%2Bc", ""},
	{"index name", "PUT", "/eks-log-2026.11.23/_doc/a~b_c", "", "{}"},
	{"escaped path", "GET", "/%3Ceks-log-%7Bnow%2Fd%7D%3E/_search", "", ""},
	{"empty body", "POST", "/_refresh", "", ""},
	{"root", "GET", "/", "", ""},
	{"bytes", "POST", "/_bulk", "", "\x1f\x8b\x08\x00\x00\xff\xfe"},
}

func TestVerifyAcceptsSDK(t *testing.T) {
	a := newAccount(t)
	for _, r := range requests {
		target := r.path
		if r.query != "" {
			target += "?" + r.query
		}
		status, answer, _ := send(t, a.signed(t, a.open(), r.method, target, r.body))
		if status != http.StatusOK {
			t.Errorf("%s: got %d %s", r.name, status, answer)
			continue
		}
		if a.body != r.body || a.arrived.URL.EscapedPath() != r.path {
			t.Errorf("%s: OpenSearch got %q with body %q", r.name, a.arrived.RequestURI, a.body)
		}
	}
}

func TestVerifyAcceptsBotocore(t *testing.T) {
	python := os.Getenv("BOTOCORE_PYTHON")
	if python == "" {
		if os.Getenv("CI") == "true" {
			t.Fatal("BOTOCORE_PYTHON is not set")
		}
		t.Skip("BOTOCORE_PYTHON is not set: make sets it to the python of a venv that has botocore")
	}
	a := newAccount(t)
	for _, r := range requests {
		c := a.open()
		params := map[string]string{}
		if r.name == "filter path" {
			params = map[string]string{"filter_path": "errors,items.*.status", "pipeline": "a b"}
		}
		given, err := json.Marshal(map[string]any{
			"method": r.method, "url": a.doorAt.URL + r.path, "params": params, "body": base64.StdEncoding.EncodeToString([]byte(r.body)),
			"headers": map[string]string{"Content-Type": "application/x-ndjson", "X-Amz-Meta": "  two   blanks "},
			"id":      c.AccessKeyID, "secret": c.SecretAccessKey, "token": c.SessionToken, "service": "es", "region": testRegion,
		})
		if err != nil {
			t.Fatal(err)
		}
		run := exec.CommandContext(t.Context(), python, "testdata/botocore_sign.py")
		run.Stdin = bytes.NewReader(given)
		run.Stderr = os.Stderr
		output, err := run.Output()
		if err != nil {
			t.Fatal(err)
		}
		var signed struct {
			URL     string
			Headers map[string]string
		}
		if err := json.Unmarshal(output, &signed); err != nil {
			t.Fatal(err)
		}
		request, err := http.NewRequestWithContext(t.Context(), r.method, signed.URL, strings.NewReader(r.body))
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range signed.Headers {
			request.Header.Set(name, value)
		}
		if status, answer, _ := send(t, request); status != http.StatusOK {
			t.Errorf("%s: got %d %s", r.name, status, answer)
		}
	}
}

func TestVerifyRefusesTampering(t *testing.T) {
	a := newAccount(t)
	mismatch := "The request signature we calculated does not match the signature you provided."
	f := func(name, want string, change func(r *http.Request)) {
		t.Helper()
		request := a.signed(t, a.open(), http.MethodPost, "/_bulk?a=1", "{}\n")
		change(request)
		status, answer, _ := send(t, request)
		if status != http.StatusForbidden || !strings.Contains(answer, want) {
			t.Errorf("%s: got %d %s, want 403 with %q", name, status, answer, want)
		}
	}
	replace := func(header, old, new string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(header, strings.Replace(r.Header.Get(header), old, new, 1)) }
	}
	f("body", mismatch, func(r *http.Request) { r.Body = http.NoBody; r.ContentLength = 0 })
	f("same length of body", mismatch, func(r *http.Request) { r.Body = readCloser("{]\n") })
	f("path", mismatch, func(r *http.Request) { r.URL.Path = "/other/_bulk" })
	f("query", mismatch, func(r *http.Request) { r.URL.RawQuery = "a=2" })
	f("more query", mismatch, func(r *http.Request) { r.URL.RawQuery = "a=1&b=1" })
	f("method", mismatch, func(r *http.Request) { r.Method = http.MethodPut })
	f("host", mismatch, func(r *http.Request) { r.Host = "localhost" })
	f("signed header", mismatch, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") })
	f("signing time", mismatch, func(r *http.Request) {
		r.Header.Set("X-Amz-Date", time.Now().UTC().Add(-time.Minute).Format(signingTime))
	})
	f("signature", mismatch, replace("Authorization", "Signature=", "Signature=0"))
	f("unsigned payload", mismatch, func(r *http.Request) {
		r.Header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD")
		r.Body = readCloser("{]\n")
	})
	f("host not signed", "'Host' or ':authority' must be a 'SignedHeader'", replace("Authorization", ";host;", ";"))
	f("fewer headers", mismatch, replace("Authorization", "content-type;", ""))
	f("order of headers", "must be sorted", replace("Authorization", "content-length;content-type", "content-type;content-length"))
	f("region", "Credential should be scoped to a valid region, not 'us-east-1'. ", replace("Authorization", testRegion, "us-east-1"))
	f("service", "Credential should be scoped to correct service: 'es'. ", replace("Authorization", "/es/", "/aoss/"))
	f("scope's date", "Date in Credential scope does not match", replace("Authorization", time.Now().UTC().Format("20060102"), "20150830"))
	f("access key", "The security token included in the request is invalid.", replace("Authorization", "Credential=ASIA", "Credential=ASIB"))
	f("session token", "The security token included in the request is invalid.", replace("X-Amz-Security-Token", "IQoJ", "IQoK"))
	f("no session token", "The security token included in the request is invalid.", func(r *http.Request) { r.Header.Del("X-Amz-Security-Token") })
	f("another algorithm", "Missing Authentication Token", replace("Authorization", "AWS4-HMAC-SHA256", "Basic"))
	f("no credential", "requires 'Credential' parameter", replace("Authorization", "Credential=", "Kredential="))
	f("short credential", "exactly 5 slash-delimited elements", replace("Authorization", "/aws4_request", ""))
	f("no date", "'X-Amz-Date'", func(r *http.Request) { r.Header.Del("X-Amz-Date") })
}

func FuzzParseAuthorization(f *testing.F) {
	f.Add("AWS4-HMAC-SHA256 Credential=ASIA/20261123/eu-central-1/es/aws4_request, SignedHeaders=host;x-amz-date, Signature=00")
	f.Add("AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request,SignedHeaders=host,Signature=0")
	f.Add("AWS4-HMAC-SHA256")
	f.Fuzz(func(t *testing.T, header string) {
		auth, refused := parseAuthorization(header)
		if refused == nil && (len(auth.signedHeaders) == 0 || auth.signature == "" || strings.Count(auth.scope, "/") != 3) {
			t.Errorf("accepted %q as %+v", header, auth)
		}
	})
}

func FuzzCanonicalPathAndQuery(f *testing.F) {
	f.Add("/_bulk", "filter_path=errors%2Citems")
	f.Add("/a/../../b//./", "a=1&a&=&b=%2")
	f.Fuzz(func(t *testing.T, path, query string) {
		canonical := canonicalPath(path)
		if !strings.HasPrefix(canonical, "/") || strings.Contains(canonical, "//") || strings.ContainsAny(canonical, " \n?") {
			t.Errorf("path %q became %q", path, canonical)
		}
		once, err := canonicalQuery(query)
		if err != nil {
			return
		}
		if twice, err := canonicalQuery(once); err != nil || twice != once {
			t.Errorf("query %q became %q, and that %q (%v)", query, once, twice, err)
		}
	})
}
