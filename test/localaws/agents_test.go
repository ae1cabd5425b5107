package localaws

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

// ask sends a request without a signature and returns status and body.
func ask(t *testing.T, client *http.Client, method, target string, header ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(header); n += 2 {
		r.Header.Set(header[n], header[n+1])
	}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(body)
}

// checkGiven wants credentials that the account knows.
func checkGiven(t *testing.T, a *account, body, roleARN string) {
	t.Helper()
	var c givenCredentials
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatalf("%s: %v", body, err)
	}
	s, known := a.iam.session(c.AccessKeyID)
	if !known || s.secret != c.Secret || s.sessionToken != c.Token || s.role.arn != roleARN {
		t.Errorf("credentials of %s, known: %t", s.arn, known)
	}
	if secrets := a.iam.Secrets(); !slices.Contains(secrets, c.Secret) || !slices.Contains(secrets, c.Token) {
		t.Error("the secrets are not among those that were given out")
	}
}

func TestMetadata(t *testing.T) {
	a := newAccount(t)
	server := httptest.NewServer(NewMetadata(a.iam, a.roleARN))
	defer server.Close()
	if status, _ := ask(t, server.Client(), "GET", server.URL+metadataRoles); status != http.StatusUnauthorized {
		t.Errorf("the first version of the service answers: %d", status)
	}
	_, token := ask(t, server.Client(), "PUT", server.URL+"/latest/api/token", "X-aws-ec2-metadata-token-ttl-seconds", "60")
	if _, role := ask(t, server.Client(), "GET", server.URL+metadataRoles, "X-aws-ec2-metadata-token", token); role != "fluent-bit" {
		t.Errorf("the node's role is %q", role)
	}
	_, body := ask(t, server.Client(), "GET", server.URL+metadataRoles+"fluent-bit", "X-aws-ec2-metadata-token", token)
	checkGiven(t, a, body, a.roleARN)
}

func TestPodIdentity(t *testing.T) {
	a := newAccount(t)
	agent := NewPodIdentity(a.sts)
	server := httptest.NewServer(agent)
	defer server.Close()
	good := a.token(t, ServiceAccountToken{Audience: []string{PodIdentityAudience}})
	if status, body := ask(t, server.Client(), "GET", server.URL, "Authorization", good); status != 403 || !strings.Contains(body, "AccessDeniedException") {
		t.Errorf("without an association: %d %s", status, body)
	}
	agent.Associate("logging", "fluent-bit", a.roleARN)
	status, body := ask(t, server.Client(), "GET", server.URL, "Authorization", good)
	if status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	checkGiven(t, a, body, a.roleARN)
	for name, token := range map[string]string{
		"IRSA's": a.token(t, ServiceAccountToken{}), "expired": a.token(t, ServiceAccountToken{Audience: []string{PodIdentityAudience}, Lifetime: -time.Hour}), "none": "",
	} {
		if status, body := ask(t, server.Client(), "GET", server.URL, "Authorization", token); status != 400 || !strings.Contains(body, "InvalidTokenException") {
			t.Errorf("with a token that is %s: %d %s", name, status, body)
		}
	}
}

func TestUserSignsWithoutAToken(t *testing.T) {
	a := newAccount(t)
	arn, id, secret, err := a.iam.AddUser("writer", filled(t, "policy.json", map[string]string{"OPENSEARCH_ARN": testDomain}))
	if err != nil {
		t.Fatal(err)
	}
	status, answer, _ := send(t, a.signed(t, credentialsOf(id, secret), http.MethodPost, "/_bulk", "{}\n"))
	if status != 200 || a.arrived.Header.Get("X-Proxy-Roles") != arn {
		t.Errorf("got %d %s", status, answer)
	}
}

func TestDomainsAccessPolicy(t *testing.T) {
	a := newAccount(t)
	bulk := func() (int, string) {
		status, answer, _ := send(t, a.signed(t, a.open(), http.MethodPost, "/_bulk", "{}\n"))
		return status, answer
	}
	set := func(effect string) {
		if err := a.door.SetAccessPolicy([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `","Action":"es:*","Resource":"*"}}`)); err != nil {
			t.Fatal(err)
		}
	}
	set("Deny")
	if status, answer := bulk(); status != 403 || !strings.Contains(answer, "with an explicit deny in a resource-based policy") {
		t.Errorf("denied: got %d %s", status, answer)
	}
	set("Allow") // then the role's own policy need not
	if _, err := a.iam.PutRole("fluent-bit", filled(t, "trust-policy.json", map[string]string{"NAMESPACE": "logging", "SERVICE_ACCOUNT": "fluent-bit", "IDENTITY_PROVIDER_ARN": a.providerIs, "IDENTITY_PROVIDER": IdentityProvider(a.issuer.URL())}),
		[]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`)); err != nil {
		t.Fatal(err)
	}
	if status, answer := bulk(); status != 200 {
		t.Errorf("allowed: got %d %s", status, answer)
	}
	if err := a.door.SetAccessPolicy(nil); err != nil {
		t.Fatal(err)
	}
	if status, answer := bulk(); status != 403 || !strings.Contains(answer, "because no identity-based policy allows") {
		t.Errorf("without: got %d %s", status, answer)
	}
}

func TestEgress(t *testing.T) {
	ca, err := NewCA()
	if err != nil {
		t.Fatal(err)
	}
	certificates, err := ca.ServerTLS("logs.example.com")
	if err != nil {
		t.Fatal(err)
	}
	server, err := Serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("there")) }), certificates)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = server.Close() }()
	egress := NewEgress()
	egress.Add("logs.example.com", strings.TrimPrefix(server.URL(), "https://"))
	proxy := httptest.NewServer(egress)
	defer proxy.Close()
	through, err := url.Parse(proxy.URL)
	if err != nil {
		t.Fatal(err)
	}
	trusting := certificates.Clone()
	trusting.RootCAs = ca.Pool()
	client := &http.Client{Transport: &http.Transport{Proxy: http.ProxyURL(through), TLSClientConfig: trusting}}
	defer client.CloseIdleConnections()
	if status, body := ask(t, client, "GET", "https://logs.example.com/"); status != 200 || body != "there" {
		t.Errorf("got %d %s", status, body)
	}
	if res, err := client.Get("https://other.example.com/"); err == nil { //nolint:noctx // loopback, and nothing to cancel
		_ = res.Body.Close()
		t.Error("a name that it does not know was reached")
	}
	if asked := strings.Join(egress.Asked(), " "); asked != "logs.example.com:443 other.example.com:443" {
		t.Errorf("asked for %s", asked)
	}
}

func TestPartition(t *testing.T) {
	iam := NewIAMIn("aws-cn", testAccount)
	if arn := iam.AddIdentityProvider("https://oidc.example", STSAudience); arn != "arn:aws-cn:iam::123456789012:oidc-provider/oidc.example" {
		t.Errorf("provider %s", arn)
	}
	arn, _, _, err := iam.AddUser("u", []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"es:*","Resource":"*"}}`))
	if err != nil || arn != "arn:aws-cn:iam::123456789012:user/u" {
		t.Errorf("user %s (%v)", arn, err)
	}
}
