package localaws

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

const (
	testAccount = "123456789012"
	testRegion  = "eu-central-1"
	testDomain  = "arn:aws:es:eu-central-1:123456789012:domain/logs"
)

// account is all of this package with an OpenSearch that only remembers what reached it.
type account struct {
	iam        *IAM
	issuer     *Issuer
	sts        *STS
	door       *FrontDoor
	issuerAt   *httptest.Server
	stsAt      *httptest.Server
	doorAt     *httptest.Server
	roleARN    string
	providerIs string

	arrived *http.Request // last request that reached OpenSearch
	body    string        // its body
	says    string        // what it answers
}

func newAccount(t *testing.T) *account {
	t.Helper()
	a := &account{iam: NewIAM(testAccount), says: `{"errors":false}`}
	a.issuerAt = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { a.issuer.ServeHTTP(w, r) }))
	t.Cleanup(a.issuerAt.Close)
	issuer, err := NewIssuer(a.issuerAt.URL)
	if err != nil {
		t.Fatal(err)
	}
	a.issuer = issuer
	a.providerIs = a.iam.AddIdentityProvider(issuer.URL(), STSAudience)
	a.roleARN = a.putRole(t, "fluent-bit", "policy.json")
	a.sts = NewSTS(a.iam)
	a.stsAt = httptest.NewServer(a.sts)
	t.Cleanup(a.stsAt.Close)

	openSearch := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		a.arrived, a.body = r, string(body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, a.says)
	}))
	t.Cleanup(openSearch.Close)
	upstream, err := url.Parse(openSearch.URL)
	if err != nil {
		t.Fatal(err)
	}
	a.door = NewFrontDoor(FrontDoorOptions{IAM: a.iam, Region: testRegion, DomainARN: testDomain, Upstream: upstream, MaxRequestSize: 1000})
	a.doorAt = httptest.NewServer(a.door)
	t.Cleanup(a.doorAt.Close)
	return a
}

// putRole makes a role as deploy/iam has it, with one of its permission policies.
func (a *account) putRole(t *testing.T, name, policyFile string) string {
	t.Helper()
	trust := filled(t, "trust-policy.json", map[string]string{"NAMESPACE": "logging", "SERVICE_ACCOUNT": "fluent-bit", "IDENTITY_PROVIDER_ARN": a.providerIs, "IDENTITY_PROVIDER": IdentityProvider(a.issuer.URL())})
	arn, err := a.iam.PutRole(name, trust, filled(t, policyFile, map[string]string{"OPENSEARCH_ARN": testDomain}))
	if err != nil {
		t.Fatal(err)
	}
	return arn
}

func filled(t *testing.T, name string, values map[string]string) []byte {
	t.Helper()
	template, err := os.ReadFile("../../deploy/iam/" + name)
	if err != nil {
		t.Fatal(err)
	}
	document, err := Fill(template, values)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// open gives out credentials as STS would, without the way there.
func (a *account) open() aws.Credentials {
	s := a.iam.open(a.roleARN, "test", time.Hour)
	return aws.Credentials{AccessKeyID: s.accessKeyID, SecretAccessKey: s.secret, SessionToken: s.sessionToken}
}

// signed makes a request to the front door, signed by the SDK.
func (a *account) signed(t *testing.T, c aws.Credentials, method, path, body string) *http.Request {
	t.Helper()
	return sign1(t, c, method, a.doorAt.URL+path, body, "es", testRegion, time.Now())
}

func sign1(t *testing.T, c aws.Credentials, method, target, body, service, region string, at time.Time) *http.Request {
	t.Helper()
	request, err := http.NewRequestWithContext(context.Background(), method, target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	if service == "aoss" {
		request.Header.Set("X-Amz-Content-Sha256", hashOf(body))
	}
	return resign(t, request, c, body, service, region, at)
}

func resign(t *testing.T, request *http.Request, c aws.Credentials, body, service, region string, at time.Time) *http.Request {
	t.Helper()
	if err := v4.NewSigner().SignHTTP(context.Background(), c, request, hashOf(body), service, region, at); err != nil {
		t.Fatal(err)
	}
	return request
}

func hashOf(body string) string {
	sum := sha256.Sum256([]byte(body))
	return hex.EncodeToString(sum[:])
}

func credentialsOf(accessKeyID, secret string) aws.Credentials {
	return aws.Credentials{AccessKeyID: accessKeyID, SecretAccessKey: secret}
}

// send returns status and body, and the Date that the server gave.
func send(t *testing.T, r *http.Request) (status int, body string, date time.Time) {
	t.Helper()
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return 0, "", time.Time{}
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	date, err = http.ParseTime(response.Header.Get("Date"))
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(answer), date
}
