package stack

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// TestStack goes the way that the plugin will go, with the SDK's own credentials provider and signer: token, STS, front door,
// OpenSearch, and what an unmapped role meets there.
func TestStack(t *testing.T) {
	home := openSearchHome(t)
	ctx, cancel := context.WithTimeout(t.Context(), Patience)
	defer cancel()
	began := time.Now()
	s, err := New(ctx, Options{OpenSearchHome: home})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	t.Logf("started in %s", time.Since(began))
	pod := newPod(t, s)

	status, answer := pod.bulk(ctx, "eks-log", `{"log":"first"}`)
	if status != http.StatusOK || strings.Contains(answer, `"errors":true`) {
		t.Fatalf("a mapped role got %d %s", status, answer)
	}
	if n, err := s.OpenSearch.Count(ctx, "eks-log"); err != nil || n != 1 {
		t.Errorf("got %d documents (%v), want 1", n, err)
	}
	if stats := s.FrontDoor.Stats(); stats.LastCaller != "arn:aws:sts::123456789012:assumed-role/fluent-bit/smoke" || stats.Statuses[200] != 1 {
		t.Errorf("the front door counted %+v", stats)
	}

	status, answer = pod.bulk(ctx, "other", `{"log":"second"}`)
	if status != http.StatusOK || !strings.Contains(answer, "no permissions for [indices:admin/create] and User [name=arn:aws:sts::") {
		t.Errorf("another index got %d %s", status, answer)
	}

	if err := s.OpenSearch.MapWriter(ctx); err != nil {
		t.Fatal(err)
	}
	status, answer = pod.bulk(ctx, "eks-log", `{"log":"third"}`)
	if status != http.StatusForbidden || !strings.Contains(answer, "no permissions for [indices:data/write/bulk] and User [name=arn:aws:sts::") {
		t.Errorf("an unmapped role got %d %s", status, answer)
	}
	if err := s.OpenSearch.MapWriter(ctx, s.RoleARN); err != nil {
		t.Fatal(err)
	}
	status, answer = pod.bulk(ctx, "eks-log", `{"log":"third"}`)
	if status != http.StatusOK || strings.Contains(answer, `"errors":true`) {
		t.Errorf("a role mapped again got %d %s", status, answer)
	}

	s.IAM.ExpireSessions()
	status, answer = pod.bulk(ctx, "eks-log", `{"log":"fourth"}`)
	if status != http.StatusForbidden || answer != `{"message":"The security token included in the request is expired"}` {
		t.Errorf("an expired session got %d %s", status, answer)
	}

	s.FrontDoor.LoseAnswers(1)
	pod.renew(ctx)
	if status, _ = pod.bulk(ctx, "eks-log", `{"log":"fourth"}`); status != 0 {
		t.Errorf("a lost answer arrived with status %d", status)
	}
	if n, err := s.OpenSearch.Count(ctx, "eks-log"); err != nil || n != 3 {
		t.Errorf("got %d documents (%v) after the lost answer, want 3", n, err)
	}
}

// signingPod signs as a pod of the stack.
type signingPod struct {
	t           *testing.T
	stack       *Stack
	provider    *stscreds.WebIdentityRoleProvider
	credentials aws.Credentials
	client      *http.Client
}

func newPod(t *testing.T, s *Stack) *signingPod {
	t.Helper()
	service := sts.New(sts.Options{Region: "eu-central-1", BaseEndpoint: aws.String(s.STSServer.URL())})
	p := &signingPod{
		t: t, stack: s,
		provider: stscreds.NewWebIdentityRoleProvider(service, s.RoleARN, stscreds.IdentityTokenFile(s.TokenFile),
			func(o *stscreds.WebIdentityRoleOptions) { o.RoleSessionName = "smoke" }),
		client: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CA.Pool(), MinVersion: tls.VersionTLS12}}},
	}
	p.renew(t.Context())
	return p
}

func (p *signingPod) renew(ctx context.Context) {
	p.t.Helper()
	var err error
	if p.credentials, err = p.provider.Retrieve(ctx); err != nil {
		p.t.Fatal(err)
	}
}

// bulk sends one document and returns status and body; the status is 0 when no answer came.
func (p *signingPod) bulk(ctx context.Context, index, document string) (int, string) {
	p.t.Helper()
	action, err := json.Marshal(map[string]any{"create": map[string]string{"_index": index}})
	if err != nil {
		p.t.Fatal(err)
	}
	body := append(append(action, '\n'), document+"\n"...)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost,
		p.stack.Endpoint()+"/_bulk?filter_path=errors,items.*.status,items.*.error", bytes.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	request.GetBody = nil // no second attempt behind our back
	request.Header.Set("Content-Type", "application/x-ndjson")
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, p.credentials, request, hex.EncodeToString(sum[:]), "es", "eu-central-1", time.Now()); err != nil {
		p.t.Fatal(err)
	}
	response, err := p.client.Do(request)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(answer)
}
