package identity

import (
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const role = "arn:aws:iam::123456789012:role/eks-log"

// fakeSTS answers as STS does, without a network. Each answer has credentials of its own.
type fakeSTS struct {
	mu      sync.Mutex
	life    time.Duration
	skew    time.Duration // STS's clock minus this one
	block   chan struct{} // if set, calls wait for it or for their context
	fail    func(form url.Values) *http.Response
	failErr error
	forms   []url.Values
	auth    []string // Authorization of each call
	hosts   []string
}

func (f *fakeSTS) RoundTrip(req *http.Request) (*http.Response, error) {
	b, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(b))
	if err != nil {
		return nil, err
	}
	f.mu.Lock()
	f.forms = append(f.forms, form)
	f.auth = append(f.auth, req.Header.Get("Authorization"))
	f.hosts = append(f.hosts, req.URL.Host)
	n, block := len(f.forms), f.block
	f.mu.Unlock()
	if block != nil {
		select {
		case <-block:
		case <-req.Context().Done():
			return nil, req.Context().Err()
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.failErr != nil {
		return nil, f.failErr
	}
	if f.fail != nil {
		if res := f.fail(form); res != nil {
			return res, nil
		}
	}
	now := time.Now().Add(f.skew)
	action := form.Get("Action")
	return f.answer(200, fmt.Sprintf(`<%[1]sResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><%[1]sResult>
<Credentials><AccessKeyId>ASIA%[2]d</AccessKeyId><SecretAccessKey>secret%[2]d</SecretAccessKey><SessionToken>session%[2]d</SessionToken><Expiration>%[3]s</Expiration></Credentials>
<AssumedRoleUser><Arn>arn:aws:sts::123456789012:assumed-role/eks-log/x</Arn><AssumedRoleId>AROA:x</AssumedRoleId></AssumedRoleUser>
</%[1]sResult></%[1]sResponse>`, action, n, now.Add(f.life).UTC().Format(time.RFC3339))), nil
}

func (f *fakeSTS) answer(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Proto: "HTTP/1.1",
		ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"text/xml"},
			"Date": {time.Now().Add(f.skew).UTC().Format(http.TimeFormat)}},
		Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}
}

// refusal makes STS refuse each call of one action ("" for all).
func (f *fakeSTS) refusal(action string, status int, code, message string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fail = func(form url.Values) *http.Response {
		if action != "" && form.Get("Action") != action {
			return nil
		}
		return f.answer(status, fmt.Sprintf(`<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>r</RequestId></ErrorResponse>`, code, message))
	}
}

func (f *fakeSTS) set(change func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	change()
}

func (f *fakeSTS) calls() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.forms)
}

// jwt is a token with these claims; its signature is none.
func jwt(claims string) string {
	return "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(claims)) +
		".c2lnbmF0dXJl"
}

var token = jwt(`{"iss":"https://oidc.eks.eu-west-1.amazonaws.com/id/ABC","sub":"system:serviceaccount:logging:fluent-bit","aud":["sts.amazonaws.com"]}`)

// tokenFile writes a token file and returns its path.
func tokenFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// environ is an environment for Options.Getenv.
func environ(pairs ...string) func(string) string {
	return func(key string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == key {
				return pairs[i+1]
			}
		}
		return ""
	}
}

// irsa is an Identity with the variables of EKS's webhook, whose STS is f.
func irsa(t *testing.T, f http.RoundTripper, file string, change ...func(*Options)) *Identity {
	t.Helper()
	o := Options{Region: "eu-west-1",
		Getenv:     environ("AWS_ROLE_ARN", role, "AWS_WEB_IDENTITY_TOKEN_FILE", file),
		HTTPClient: &http.Client{Transport: f, Timeout: 10 * time.Second}}
	for _, c := range change {
		c(&o)
	}
	i, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	return i
}
