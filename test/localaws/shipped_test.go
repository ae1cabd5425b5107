package localaws

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/endpointcreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// enforced names the test that enforces each file of deploy/iam.
var enforced = map[string]string{
	"policy.json":                     "TestShippedPolicies",
	"policy-least-privilege.json":     "TestShippedPolicies",
	"policy-serverless.json":          "TestShippedServerless",
	"policy-assume-role.json":         "TestShippedChain",
	"trust-policy.json":               "TestAssumeRoleWithWebIdentityFailure",
	"trust-policy-pod-identity.json":  "TestShippedPodIdentity",
	"trust-policy-cross-account.json": "TestShippedChain",
	"domain-access-policy.json":       "TestShippedDomainAccess",
	"domain-access-policy-vpc.json":   "TestShippedDomainAccess",
	"log-publishing-policy.json":      "TestShippedLogPublishing",
	"serverless-data-access.json":     "TestShippedServerless",
	"serverless-encryption.json":      "", // no permissions: botocore and Terraform read them in test/aws
	"serverless-network.json":         "",
	"serverless-lifecycle.json":       "",
	"policy-serverless-people.json":   "TestShippedPeople",
}

// shippedAny is any file of deploy/iam, with the values of all placeholders that it has.
func shippedAny(t *testing.T, name string, values map[string]string) []byte {
	t.Helper()
	template, err := os.ReadFile("../../deploy/iam/" + name)
	if err != nil {
		t.Fatal(err)
	}
	own := map[string]string{}
	for placeholder, value := range values {
		if strings.Contains(string(template), "${"+placeholder+"}") {
			own[placeholder] = value
		}
	}
	return filled(t, name, own)
}

func TestEveryShippedFileIsEnforced(t *testing.T) {
	files, err := filepath.Glob("../../deploy/iam/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("found %q (%v)", files, err)
	}
	left := map[string]string{}
	for name, test := range enforced {
		left[name] = test
	}
	for _, file := range files {
		if _, ok := left[filepath.Base(file)]; !ok {
			t.Errorf("%s is enforced by no test: add one and name it here", file)
		}
		delete(left, filepath.Base(file))
	}
	for name := range left {
		t.Errorf("%s is gone", name)
	}
}

func TestShippedPolicies(t *testing.T) {
	f := func(file, action, path string, want decision) {
		t.Helper()
		p, err := parsePolicy(filled(t, file, map[string]string{"OPENSEARCH_ARN": testDomain}))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.decide(action, testDomain+path); got != want {
			t.Errorf("%s: %s on %s: got %d, want %d", file, action, path, got, want)
		}
	}
	for _, file := range []string{"policy.json", "policy-least-privilege.json"} {
		f(file, "es:ESHttpPost", "/_bulk", allowed)
		f(file, "es:ESHttpPost", "/eks-log-2026.11.24/_bulk", allowed)
		f(file, "es:ESHttpPost", "", notAllowed)
		f(file, "es:ESHttpPost", "2/_bulk", notAllowed) // the domain logs2
		f(file, "es:DeleteDomain", "/_bulk", notAllowed)
		f(file, "es:UpdateDomainConfig", "", notAllowed)
	}
	f("policy.json", "es:ESHttpGet", "/eks-log/_search", allowed)
	f("policy.json", "es:ESHttpDelete", "/eks-log", allowed)
	f("policy-least-privilege.json", "es:ESHttpGet", "/eks-log/_search", notAllowed)
	f("policy-least-privilege.json", "es:ESHttpGet", "/_bulk", notAllowed)
	f("policy-least-privilege.json", "es:ESHttpPut", "/_bulk", notAllowed)
	f("policy-least-privilege.json", "es:ESHttpDelete", "/eks-log", notAllowed)
	f("policy-least-privilege.json", "es:ESHttpPost", "/_search", notAllowed)
}

const testCluster = "arn:aws:eks:eu-central-1:123456789012:cluster/shop"

func TestShippedPodIdentity(t *testing.T) {
	a := newAccount(t)
	f := func(name, clusterARN string, token ServiceAccountToken, associate string, want string) {
		t.Helper()
		role, err := a.iam.PutRole("pod", shippedAny(t, "trust-policy-pod-identity.json", map[string]string{"NAMESPACE": "logging", "SERVICE_ACCOUNT": "fluent-bit", "CLUSTER_ARN": testCluster}),
			filled(t, "policy.json", map[string]string{"OPENSEARCH_ARN": testDomain}))
		if err != nil {
			t.Fatal(err)
		}
		agent := NewPodIdentity(a.sts)
		agent.InCluster(clusterARN)
		namespace, account, _ := strings.Cut(associate, ":")
		agent.Associate(namespace, account, role)
		at := httptest.NewServer(agent)
		defer at.Close()
		got, err := endpointcreds.New(at.URL+"/v1/credentials", func(o *endpointcreds.Options) {
			o.AuthorizationToken, o.Retryer = a.token(t, token), aws.NopRetryer{}
		}).Retrieve(t.Context())
		if want != "" {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: got %v, want %q", name, err, want)
			}
			return
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if status, answer, _ := send(t, a.signed(t, got, http.MethodPost, "/_bulk", "{}\n")); status != http.StatusOK {
			t.Errorf("%s: the domain answered %d %s", name, status, answer)
		}
	}
	audience := []string{PodIdentityAudience}
	pod := ServiceAccountToken{Namespace: "logging", ServiceAccount: "fluent-bit", Audience: audience}
	f("as it should be", testCluster, pod, "logging:fluent-bit", "")
	f("another cluster", testCluster+"2", pod, "logging:fluent-bit", "does not have permissions to assume")
	f("another namespace", testCluster, ServiceAccountToken{Namespace: "default", ServiceAccount: "fluent-bit", Audience: audience}, "default:fluent-bit", "does not have permissions")
	f("another service account", testCluster, ServiceAccountToken{Namespace: "logging", ServiceAccount: "default", Audience: audience}, "logging:default", "does not have permissions")
	f("no association", testCluster, pod, "logging:default", "does not have permissions")
	f("IRSA's token", testCluster, ServiceAccountToken{Namespace: "logging", ServiceAccount: "fluent-bit"}, "logging:fluent-bit", "Incorrect token audience")
	f("expired", testCluster, ServiceAccountToken{Namespace: "logging", ServiceAccount: "fluent-bit", Audience: audience, Lifetime: -time.Hour}, "logging:fluent-bit", "Token expired")

	// The role that IRSA's trust policy guards is not Pod Identity's to take on.
	agent := NewPodIdentity(a.sts)
	agent.InCluster(testCluster)
	agent.Associate("logging", "fluent-bit", a.roleARN)
	at := httptest.NewServer(agent)
	defer at.Close()
	if _, err := endpointcreds.New(at.URL+"/v1/credentials", func(o *endpointcreds.Options) {
		o.AuthorizationToken, o.Retryer = a.token(t, pod), aws.NopRetryer{}
	}).Retrieve(t.Context()); err == nil || !strings.Contains(err.Error(), "does not have permissions") {
		t.Errorf("a role of IRSA's: %v", err)
	}
}

func TestShippedChain(t *testing.T) {
	const other = "210987654321"
	a := newAccount(t)
	f := func(name string, allow bool, externalID, podRole string, want string) {
		t.Helper()
		values := map[string]string{
			"WRITER_ROLE_ARN": "arn:aws:iam::" + other + ":role/log-writer", "POD_ROLE_ARN": podRole, "EXTERNAL_ID": "cluster-1", "OPENSEARCH_ARN": testDomain,
		}
		policyFile := "policy-least-privilege.json"
		if allow {
			policyFile = "policy-assume-role.json"
		}
		trust := filled(t, "trust-policy.json", map[string]string{"NAMESPACE": "logging", "SERVICE_ACCOUNT": "fluent-bit", "IDENTITY_PROVIDER_ARN": a.providerIs, "IDENTITY_PROVIDER": IdentityProvider(a.issuer.URL())})
		if _, err := a.iam.PutRole("fluent-bit", trust, shippedAny(t, policyFile, values)); err != nil {
			t.Fatal(err)
		}
		target, err := a.iam.PutRoleOf(other, "log-writer", shippedAny(t, "trust-policy-cross-account.json", values), shippedAny(t, "policy-least-privilege.json", values))
		if err != nil {
			t.Fatal(err)
		}
		c := a.open()
		input := &sts.AssumeRoleInput{RoleArn: &target, RoleSessionName: aws.String("chained")}
		if externalID != "" {
			input.ExternalId = &externalID
		}
		output, err := a.client(credentials.NewStaticCredentialsProvider(c.AccessKeyID, c.SecretAccessKey, c.SessionToken)).AssumeRole(t.Context(), input)
		if want != "" {
			check(t, name, err, 403, want, "is not authorized to perform: sts:AssumeRole on resource: "+target)
			return
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		if got, want := *output.AssumedRoleUser.Arn, "arn:aws:sts::"+other+":assumed-role/log-writer/chained"; got != want {
			t.Errorf("%s: assumed %s", name, got)
		}
		// The writer may send to a domain of its own account; the pod's own role may not.
		domain := "arn:aws:es:" + testRegion + ":" + other + ":domain/logs"
		a.iam.mu.Lock()
		a.iam.roles[target].policy, _ = parsePolicy(filled(t, "policy-least-privilege.json", map[string]string{"OPENSEARCH_ARN": domain}))
		a.iam.mu.Unlock()
		a.door.options.DomainARN = domain
		given := output.Credentials
		chained := aws.Credentials{AccessKeyID: *given.AccessKeyId, SecretAccessKey: *given.SecretAccessKey, SessionToken: *given.SessionToken}
		for _, try := range []struct {
			c    aws.Credentials
			want int
		}{{chained, 200}, {c, 403}} {
			if status, answer, _ := send(t, a.signed(t, try.c, http.MethodPost, "/_bulk", "{}\n")); status != try.want {
				t.Errorf("%s: the domain answered %d %s, want %d", name, status, answer, try.want)
			}
		}
	}
	pod := "arn:aws:iam::" + testAccount + ":role/fluent-bit"
	f("as it should be", true, "cluster-1", pod, "")
	f("not allowed in the cluster's account", false, "cluster-1", pod, "AccessDenied")
	f("without the external id", true, "", pod, "AccessDenied")
	f("with another external id", true, "cluster-2", pod, "AccessDenied")
	f("another role is trusted", true, "cluster-1", pod+"2", "AccessDenied")
}

func TestShippedDomainAccess(t *testing.T) {
	a := newAccount(t)
	f := func(name, file, cidr string, want int, prepare func(a *account) *http.Request) {
		t.Helper()
		a.putRole(t, "fluent-bit", "policy.json")
		a.arrived = nil
		if err := a.door.SetAccessPolicy(shippedAny(t, file, map[string]string{"OPENSEARCH_ARN": testDomain, "CLIENT_CIDR": cidr})); err != nil {
			t.Fatal(err)
		}
		status, answer, _ := send(t, prepare(a))
		if status != want {
			t.Errorf("%s: got %d %s, want %d", name, status, answer, want)
		}
		if (status == http.StatusOK) != (a.arrived != nil) {
			t.Errorf("%s: status %d, reached OpenSearch: %t", name, status, a.arrived != nil)
		}
	}
	here, elsewhere := "127.0.0.0/8", "203.0.113.0/24"
	person := func(a *account) *http.Request {
		r, err := http.NewRequest(http.MethodGet, a.doorAt.URL+"/_dashboards", nil)
		if err != nil {
			t.Fatal(err)
		}
		r.SetBasicAuth("admin", "password")
		return r
	}
	writer := func(a *account) *http.Request { return a.signed(t, a.open(), http.MethodPost, "/_bulk", "{}\n") }
	stranger := func(a *account) *http.Request { // a role whose policy speaks of another domain
		if _, err := a.iam.PutRole("fluent-bit", filled(t, "trust-policy.json", map[string]string{"NAMESPACE": "logging", "SERVICE_ACCOUNT": "fluent-bit", "IDENTITY_PROVIDER_ARN": a.providerIs,
			"IDENTITY_PROVIDER": IdentityProvider(a.issuer.URL())}), filled(t, "policy.json", map[string]string{"OPENSEARCH_ARN": testDomain + "2"})); err != nil {
			t.Fatal(err)
		}
		return writer(a)
	}
	f("a person at work", "domain-access-policy.json", here, 200, person)
	f("a person elsewhere", "domain-access-policy.json", elsewhere, 403, person)
	f("the writer, from elsewhere", "domain-access-policy.json", elsewhere, 200, writer)
	f("another role, from elsewhere", "domain-access-policy.json", elsewhere, 403, stranger)
	f("one address", "domain-access-policy.json", "127.0.0.1", 200, person)
	f("a person in the VPC", "domain-access-policy-vpc.json", "", 200, person)
	f("the writer in the VPC", "domain-access-policy-vpc.json", "", 200, writer)

	// A password goes on to the security plugin; a name that a client claims does not.
	r := person(a)
	r.Header.Set("X-Proxy-User", "admin")
	if status, answer, _ := send(t, r); status != http.StatusOK {
		t.Fatalf("got %d %s", status, answer)
	}
	if user, _, ok := a.arrived.BasicAuth(); !ok || user != "admin" || a.arrived.Header.Get("X-Proxy-User") != "" {
		t.Errorf("OpenSearch got %v", a.arrived.Header)
	}
}

func TestShippedLogPublishing(t *testing.T) {
	groups := "arn:aws:logs:eu-central-1:123456789012:log-group:/aws/opensearch/logs/"
	p, err := parseAccessPolicy(shippedAny(t, "log-publishing-policy.json", map[string]string{
		"LOG_GROUPS_ARN": groups + "*", "ACCOUNT_ID": testAccount, "OPENSEARCH_ARN": testDomain,
	}))
	if err != nil {
		t.Fatal(err)
	}
	f := func(service, action, resource, account, source string, want decision) {
		t.Helper()
		c := claimant{service: service, action: action, keys: map[string][]string{"aws:SourceAccount": {account}, "aws:SourceArn": {source}}}
		if got := p.decide(c, resource); got != want {
			t.Errorf("%s %s %s for %s: got %d, want %d", service, action, resource, source, got, want)
		}
	}
	stream := groups + "ES_APPLICATION_LOGS:log-stream:x"
	f("es.amazonaws.com", "logs:PutLogEvents", stream, testAccount, testDomain, allowed)
	f("es.amazonaws.com", "logs:CreateLogStream", stream, testAccount, testDomain, allowed)
	f("es.amazonaws.com", "logs:DeleteLogStream", stream, testAccount, testDomain, notAllowed)
	f("es.amazonaws.com", "logs:PutLogEvents", stream, "210987654321", testDomain, notAllowed)
	f("es.amazonaws.com", "logs:PutLogEvents", stream, testAccount, testDomain+"2", notAllowed)
	f("es.amazonaws.com", "logs:PutLogEvents", "arn:aws:logs:eu-central-1:123456789012:log-group:/other:log-stream:x", testAccount, testDomain, notAllowed)
	f("lambda.amazonaws.com", "logs:PutLogEvents", stream, testAccount, testDomain, notAllowed)
}

func TestShippedServerless(t *testing.T) {
	const collection = "arn:aws:aoss:eu-central-1:123456789012:collection/abc123"
	a := newAccount(t)
	f := func(name, iamARN, principal, method, path, body string, want int, message string) {
		t.Helper()
		if _, err := a.iam.PutRole("fluent-bit", filled(t, "trust-policy.json", map[string]string{"NAMESPACE": "logging", "SERVICE_ACCOUNT": "fluent-bit", "IDENTITY_PROVIDER_ARN": a.providerIs,
			"IDENTITY_PROVIDER": IdentityProvider(a.issuer.URL())}), filled(t, "policy-serverless.json", map[string]string{"COLLECTION_ARN": iamARN})); err != nil {
			t.Fatal(err)
		}
		data, err := ParseDataAccess("logs", shippedAny(t, "serverless-data-access.json", map[string]string{
			"COLLECTION_NAME": "logs", "ROLE_ARN": principal, "ADMIN_ARN": "arn:aws:iam::123456789012:role/admin",
		}))
		if err != nil {
			t.Fatal(err)
		}
		if principal == "" { // the caller is the administrator
			data.statements[1].Principal = []string{a.roleARN}
		}
		a.door.options.Collection, a.door.options.DomainARN = Search, collection
		a.door.SetDataAccessPolicy(data)
		request := sign1(t, a.open(), method, a.doorAt.URL+path, body, "aoss", testRegion, time.Now())
		status, answer, _ := send(t, request)
		if status != want || !strings.Contains(answer, message) {
			t.Errorf("%s: got %d %s, want %d", name, status, answer, want)
		}
	}
	role := "arn:aws:iam::" + testAccount + ":role/fluent-bit"
	bulk := "{\"create\":{\"_index\":\"eks-log-2026.11.24\"}}\n{\"a\":1}\n"
	noData, noIAM := "User does not have permissions for the requested resource", "not authorized to perform: aoss:APIAccessAll"
	f("the writer", collection, role, "POST", "/_bulk", bulk, 200, "")
	f("the writer, index in the path", collection, role, "POST", "/eks-log/_bulk", "{\"create\":{}}\n{}\n", 200, "")
	f("a dead letter", collection, role, "POST", "/_bulk", "{\"create\":{\"_index\":\"eks-log-dead-letter\"}}\n{}\n", 200, "")
	f("another index in the path", collection, role, "POST", "/orders/_bulk", "{\"create\":{}}\n{}\n", 403, noData)
	f("another index among them", collection, role, "POST", "/_bulk", bulk+"{\"create\":{\"_index\":\"orders\"}}\n{}\n", 403, noData)
	f("reading", collection, role, "GET", "/eks-log/_search", "", 403, noData)
	f("deleting", collection, role, "DELETE", "/eks-log", "", 403, noData)
	f("creating", collection, role, "PUT", "/eks-log", "", 200, "")
	f("setting a template", collection, role, "PUT", "/_index_template/eks-log", "{}", 403, noData)
	f("another role has the data", collection, role+"2", "POST", "/_bulk", bulk, 403, noData)
	f("another collection in IAM", collection+"2", role, "POST", "/_bulk", bulk, 403, noIAM)
	f("an administrator's template", collection, "", "PUT", "/_index_template/eks-log", "{}", 200, "")
	f("an administrator reads", collection, "", "GET", "/eks-log/_search", "", 200, "")
}

func TestDataAccessFailure(t *testing.T) {
	f := func(document, want string) {
		t.Helper()
		if _, err := ParseDataAccess("logs", []byte(document)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", document, err, want)
		}
	}
	rule := func(kind, resource, permission string) string {
		return `[{"Rules":[{"ResourceType":"` + kind + `","Resource":["` + resource + `"],"Permission":["` + permission + `"]}],"Principal":["p"]}]`
	}
	f(`[]`, "no statement")
	f(`[{"Rules":[]}]`, "needs both Rules and Principal")
	f(`{"Rules":[]}`, "cannot read the policy")
	f(rule("domain", "x", "aoss:*"), "must be index or collection")
	f(rule("index", "collection/logs", "aoss:*"), "must be index/COLLECTION/PATTERN")
	f(rule("index", "index/logs/*", "aoss:CreateCollectionItems"), "cannot grant")
	f(rule("index", "index/logs/*", "es:ESHttpPost"), "cannot grant")
	f(rule("index", "index/${COLLECTION_NAME}/*", "aoss:*"), "is not filled in")
}

func TestAccessPolicyFailure(t *testing.T) {
	f := func(statement, want string) {
		t.Helper()
		if _, err := parseAccessPolicy([]byte(`{"Version":"2012-10-17","Statement":[` + statement + `]}`)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", statement, err, want)
		}
	}
	f(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"es:*"}`, "needs a Resource")
	f(`{"Effect":"Allow","Principal":{"AWS":"*"},"Resource":"*"}`, "needs both Principal and Action")
	f(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"es:*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"my office"}}}`, "203.0.113.0/24")
	f(`{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"es:*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}`, "NotIpAddress")
}

// TestShippedPeople has people reach the collection and its Dashboards, and no other.
func TestShippedPeople(t *testing.T) {
	const collection, dashboards = "arn:aws:aoss:eu-west-1:123456789012:collection/abc", "arn:aws:aoss:eu-west-1:123456789012:dashboards/default"
	p, err := parsePolicy(filled(t, "policy-serverless-people.json", map[string]string{"COLLECTION_ARN": collection, "DASHBOARDS_ARN": dashboards}))
	if err != nil {
		t.Fatal(err)
	}
	f := func(action, resource string, want decision) {
		t.Helper()
		if got := p.decide(action, resource); got != want {
			t.Errorf("%s on %s: got %d, want %d", action, resource, got, want)
		}
	}
	f("aoss:APIAccessAll", collection, allowed)
	f("aoss:DashboardsAccessAll", dashboards, allowed)
	f("aoss:APIAccessAll", collection+"d", notAllowed)
	f("aoss:DeleteCollection", collection, notAllowed)
}
