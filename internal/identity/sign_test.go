package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sort"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// signature computes AWS's signature (version 4) of a request as a server got it, from the
// document's text and without the SDK.
func signature(r *http.Request, secret, payload string) string {
	auth := r.Header.Get("Authorization")
	field := func(name string) string {
		_, rest, _ := strings.Cut(auth, name+"=")
		v, _, _ := strings.Cut(rest, ",")
		return v
	}
	scope := strings.SplitN(field("Credential"), "/", 2)[1]
	var segments []string
	path, _, _ := strings.Cut(r.RequestURI, "?")
	for s := range strings.SplitSeq(path, "/") {
		segments = append(segments, encode(s))
	}
	var pairs []string
	for k, vs := range r.URL.Query() {
		for _, v := range vs {
			pairs = append(pairs, encode(k)+"="+encode(v))
		}
	}
	sort.Strings(pairs)
	var headers strings.Builder
	for h := range strings.SplitSeq(field("SignedHeaders"), ";") {
		v := r.Header.Get(h)
		if h == "host" {
			v = r.Host
		}
		headers.WriteString(h + ":" + strings.TrimSpace(v) + "\n")
	}
	canonical := strings.Join([]string{r.Method, strings.Join(segments, "/"),
		strings.Join(pairs, "&"), headers.String(), field("SignedHeaders"), payload}, "\n")
	sum := sha256.Sum256([]byte(canonical))
	key := []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key,
		"AWS4-HMAC-SHA256\n"+r.Header.Get("X-Amz-Date")+"\n"+scope+"\n"+hex.EncodeToString(sum[:])))
}

func mac(key []byte, s string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(s))
	return h.Sum(nil)
}

// encode escapes everything but the unreserved characters.
func encode(s string) string {
	return strings.NewReplacer("+", "%20", "%7E", "~").Replace(url.QueryEscape(s))
}

func TestIdentitySign(t *testing.T) {
	var got *http.Request
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter,
		r *http.Request) {
		got = r
	}))
	defer server.Close()
	sum := sha256.Sum256([]byte("body"))
	payload := hex.EncodeToString(sum[:])

	f := func(service, path string, signed string) {
		t.Helper()
		i := irsa(t, &fakeSTS{life: time.Hour}, tokenFile(t, token),
			func(o *Options) { o.Service = service })
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+path,
			strings.NewReader("body"))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-ndjson")
		req.Header.Set("Content-Encoding", "gzip")
		req.Header.Set("User-Agent", "x")
		req.Header.Set("Connection", "close")
		req.Header.Set("X-Forwarded-For", "changed on the way")
		for range 2 { // a request may be signed again
			if err := i.Sign(t.Context(), req, payload); err != nil {
				t.Fatal(err)
			}
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		auth := got.Header.Get("Authorization")
		if want := signature(got, "secret1", payload); !strings.HasSuffix(auth, "Signature="+want) {
			t.Errorf("%s %s: %s, want signature %s", service, path, auth, want)
		}
		if !strings.Contains(auth, "Credential=ASIA1/") ||
			!strings.Contains(auth, "/eu-west-1/"+service+"/aws4_request") ||
			!strings.Contains(auth, "SignedHeaders="+signed+",") {
			t.Errorf("%s: %s", service, auth)
		}
		if got.Header.Get("X-Amz-Security-Token") != "session1" {
			t.Error("the session token is missing")
		}
		if has := got.Header.Get("X-Amz-Content-Sha256"); (service == "aoss") != (has == payload) {
			t.Errorf("%s: x-amz-content-sha256 %q", service, has)
		}
	}
	es := "content-encoding;content-type;host;x-amz-date;x-amz-security-token"
	f("es", "/_bulk", es)
	f("es", "/eks-log-2024.01.01/_bulk?filter_path=errors%2Citems.%2A.status&pipeline=a%20b", es)
	f("es", "/base/a@b+c=d~e%3Cf/_bulk?b=2&a=1", es)
	f("aoss", "/x/_bulk", "content-encoding;content-type;host;x-amz-content-sha256;x-amz-date;x-amz-security-token")
}

// TestIdentitySignHost wants the Host that is sent to be the one that was signed.
func TestIdentitySignHost(t *testing.T) {
	i := irsa(t, &fakeSTS{life: time.Hour}, tokenFile(t, token))
	req := httptest.NewRequest(http.MethodPost, "https://domain.example:443/_bulk", nil)
	if err := i.Sign(t.Context(), req, ""); err != nil {
		t.Fatal(err)
	}
	if req.Host != "domain.example" {
		t.Errorf("sends Host %q and signed another", req.Host)
	}
}

func TestIdentityObserve(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sts := &fakeSTS{life: time.Hour}
		i := irsa(t, sts, tokenFile(t, token))
		if _, err := i.Credentials(t.Context()); err != nil {
			t.Fatal(err)
		}
		f := func(server time.Time, want time.Time) {
			t.Helper()
			i.Observe(server)
			req := httptest.NewRequest(http.MethodPost, "https://domain.example/_bulk", nil)
			if err := i.Sign(t.Context(), req, ""); err != nil {
				t.Fatal(err)
			}
			if got := req.Header.Get("X-Amz-Date"); got != want.UTC().Format("20060102T150405Z") {
				t.Errorf("server's clock %s: signed at %s, want %s", server, got, want)
			}
		}
		now := time.Now()
		f(now.Add(7*time.Minute), now.Add(7*time.Minute))
		f(time.Time{}, now.Add(7*time.Minute)) // no Date: nothing learnt
		f(now.Add(-20*time.Minute), now.Add(-20*time.Minute))
		f(now.Add(20*time.Second), now) // within what a network and a Date of whole seconds make up
	})
}

func TestIdentitySignWithoutCredentials(t *testing.T) {
	sts := &fakeSTS{}
	sts.refusal("", 403, "AccessDenied", "no")
	i := irsa(t, sts, tokenFile(t, token))
	req := httptest.NewRequest(http.MethodPost, "https://domain.example/_bulk", nil)
	if err := i.Sign(context.Background(), req, ""); err == nil ||
		req.Header.Get("Authorization") != "" {
		t.Errorf("got %v, %v", err, req.Header)
	}
}

func BenchmarkSign(b *testing.B) {
	i, err := New(Options{Region: "eu-west-1",
		Getenv: environ("AWS_ACCESS_KEY_ID", "AKIA1", "AWS_SECRET_ACCESS_KEY", "s")})
	if err != nil {
		b.Fatal(err)
	}
	defer i.Close()
	req := httptest.NewRequest(http.MethodPost, "https://domain.example/_bulk?filter_path=errors", nil)
	b.ReportAllocs()
	for b.Loop() {
		if err := i.Sign(b.Context(), req, strings.Repeat("0", 64)); err != nil {
			b.Fatal(err)
		}
	}
}
