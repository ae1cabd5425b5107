package aws

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"out_opensearch_irsa/test/fixtures/stack"
)

// section is a part of deploy/aws-cli.md with its blocks of commands.
type section struct{ title, commands string }

// sections reads the walk-through.
func sections(t *testing.T, module string) []section {
	t.Helper()
	document, err := os.ReadFile(filepath.Join(module, "deploy", "aws-cli.md"))
	if err != nil {
		t.Fatal(err)
	}
	var all []section
	inside := false
	for line := range strings.Lines(string(document)) {
		title, isTitle := strings.CutPrefix(line, "## ")
		switch {
		case !inside && isTitle:
			all = append(all, section{title: strings.TrimSpace(title)})
		case line == "```bash\n":
			inside = true
		case line == "```\n" && inside:
			inside = false
		case strings.HasPrefix(line, "```"):
			t.Errorf("a block that is not ```bash would not be run: %q", line)
		case inside:
			all[len(all)-1].commands += line
		}
	}
	return all
}

// walk runs sections in one shell in a copy of deploy/, and returns what was called besides and the
// folder.
func (c *cloud) walk(parts ...section) (calls []string, dir string) {
	c.t.Helper()
	module, err := stack.ModuleRoot()
	if err != nil {
		c.t.Fatal(err)
	}
	dir = c.t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "deploy", "iam"),
		os.DirFS(filepath.Join(module, "deploy", "iam"))); err != nil {
		c.t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "deploy", "kubernetes", "overlays", "irsa"),
		0o755); err != nil {
		c.t.Fatal(err)
	}
	shell, err := os.ReadFile(filepath.Join("testdata", "shell.sh"))
	if err != nil {
		c.t.Fatal(err)
	}
	script := string(shell)
	for _, p := range parts {
		script += "\n# " + p.title + "\n" + p.commands
	}
	script = strings.ReplaceAll(script, "AWS_REGION=eu-west-1 ", "AWS_REGION="+region+" ")
	path := filepath.Join(dir, "walk.sh")
	if err := os.WriteFile(path, []byte(script), 0o600); err != nil {
		c.t.Fatal(err)
	}
	record := filepath.Join(dir, "calls")
	command := exec.CommandContext(c.t.Context(), "bash", path)
	command.Dir = dir
	command.Env = c.env("CALLS="+record, "WORK="+dir)
	if output, err := command.CombinedOutput(); err != nil {
		c.t.Fatalf("%s: %v\n%s", parts[len(parts)-1].title, err, output)
	}
	recorded, err := os.ReadFile(record)
	if err != nil {
		c.t.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(recorded)), "\n"), dir
}

// find returns the sections whose titles begin so, in this order.
func find(t *testing.T, all []section, titles ...string) []section {
	t.Helper()
	var found []section
	for _, title := range titles {
		n := len(found)
		for _, s := range all {
			if strings.HasPrefix(s.title, title) {
				found = append(found, s)
			}
		}
		if len(found) != n+1 {
			t.Fatalf("%d sections begin with %q", len(found)-n, title)
		}
	}
	return found
}

func module(t *testing.T) string {
	t.Helper()
	root, err := stack.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	return root
}

// tried are the sections that the tests here run; any other is a failure.
var tried = regexp.MustCompile(`^([1-7]\. |Taking it down|Instead: (a domain in the cluster's VPC|EKS Pod Identity|an OpenSearch Serverless|a domain in another))`)

// TestWalkthrough goes all of the way, and back.
func TestWalkthrough(t *testing.T) {
	t.Parallel()
	all := sections(t, module(t))
	for _, s := range all {
		if !tried.MatchString(s.title) || s.commands == "" {
			t.Errorf("the section %q is tried by no test, or has no commands", s.title)
		}
	}
	c := newCloud(t)
	provider := c.putCluster("shop")
	calls, dir := c.walk(find(t, all, "1.", "2.", "3.", "4.", "5.", "6.", "7.")...)

	arn := "arn:aws:es:" + region + ":" + account + ":domain/logs"
	var domain map[string]any
	c.ask(&domain, "opensearch", "describe-domain", "--domain-name", "logs", "--query",
		"DomainStatus")
	for path, want := range map[string]any{
		"EncryptionAtRestOptions.Enabled":                 true,
		"NodeToNodeEncryptionOptions.Enabled":             true,
		"DomainEndpointOptions.EnforceHTTPS":              true,
		"DomainEndpointOptions.TLSSecurityPolicy":         "Policy-Min-TLS-1-2-PFS-2023-10",
		"AdvancedSecurityOptions.Enabled":                 true,
		"ClusterConfig.ZoneAwarenessEnabled":              true,
		"OffPeakWindowOptions.Enabled":                    true,
		"EBSOptions.VolumeSize":                           100.0,
		"SoftwareUpdateOptions.AutoSoftwareUpdateEnabled": true,
	} {
		same(t, path, at(t, domain, path), want)
	}
	same(t, "the access policy", decoded(t, domain["AccessPolicies"].(string)),
		shipped(t, "domain-access-policy.json",
			map[string]string{"OPENSEARCH_ARN": arn, "CLIENT_CIDR": "203.0.113.0/24"}))
	var publishing string
	c.ask(&publishing, "logs", "describe-resource-policies", "--query",
		"resourcePolicies[0].policyDocument")
	same(t, "the policy for CloudWatch", decoded(t, publishing),
		shipped(t, "log-publishing-policy.json", map[string]string{
			"OPENSEARCH_ARN": arn, "ACCOUNT_ID": account, "LOG_GROUPS_ARN": "arn:aws:logs:" + region + ":" + account + ":log-group:/aws/opensearch/domains/logs/*",
		}))
	providerARN := "arn:aws:iam::" + account + ":oidc-provider/" + provider
	var audiences []string
	c.ask(&audiences, "iam", "get-open-id-connect-provider", "--open-id-connect-provider-arn",
		providerARN, "--query", "ClientIDList")
	same(t, "the provider's audiences", audiences, []string{"sts.amazonaws.com"})
	c.checkRole("fluent-bit-shop",
		shipped(t, "trust-policy.json",
			map[string]string{"NAMESPACE": "logging", "SERVICE_ACCOUNT": "opensearch-irsa",
				"IDENTITY_PROVIDER_ARN": providerARN, "IDENTITY_PROVIDER": provider}),
		shipped(t, "policy-least-privilege.json", map[string]string{"OPENSEARCH_ARN": arn}))

	endpoint, role := domain["Endpoint"].(string), "arn:aws:iam::"+account+":role/fluent-bit-shop"
	settings, err := os.ReadFile(filepath.Join(dir, "deploy", "kubernetes", "overlays", "irsa",
		"settings.env"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "OPENSEARCH_ENDPOINT=" + endpoint + "\nAWS_REGION=" + region +
		"\nINDEX_NAME=eks-log\nFLUENT_BIT_ROLE_ARN=" + role +
		"\nBOOTSTRAP_ROLE_ARN=\n"; string(settings) != want {
		t.Errorf("settings.env is\n%s\nwant\n%s", settings, want)
	}
	said := strings.Join(calls, "\n")
	for _, want := range []string{
		"go run ./deploy/bootstrap by admin to " + endpoint + " for " + role,
		"-X PUT https://" + endpoint + "/_plugins/_security/api/roles/eks-log-writer",
		"-X PUT https://" + endpoint + `/_plugins/_security/api/rolesmapping/eks-log-writer -H Content-Type: application/json -d {"backend_roles": ["` + role + `"]}`,
		"kubectl apply -k deploy/kubernetes/overlays/irsa",
		"https://" + endpoint + "/eks-log*/_search?",
	} {
		if !strings.Contains(said, want) {
			t.Errorf("nobody called %q in\n%s", want, said)
		}
	}
	checkWriterRole(t, filepath.Join(dir, "sent-writer-role.json"))
	if mode, err := os.Stat(filepath.Join(dir, "master-password")); err != nil ||
		mode.Mode().Perm() != 0o600 {
		t.Errorf("the master password's file: %v, %v", mode, err)
	}

	known := section{title: "what the shell knew", commands: "FLUENT_BIT_ROLE=fluent-bit-shop " +
		"IDENTITY_PROVIDER_ARN=" + providerARN + "\n"}
	c.walk(append(find(t, all, "1."), known, find(t, all, "Taking it down")[0])...)
	for _, ask := range [][]string{
		{"iam", "list-roles", "--query", "Roles[].RoleName"},
		{"iam", "list-policies", "--scope", "Local", "--query", "Policies[].PolicyName"},
		{"iam", "list-open-id-connect-providers", "--query", "OpenIDConnectProviderList"},
		{"opensearch", "list-domain-names", "--query", "DomainNames"},
		{"logs", "describe-log-groups", "--query", "logGroups[].logGroupName"},
		{"logs", "describe-resource-policies", "--query", "resourcePolicies"},
	} {
		var left []any
		if c.ask(&left, ask...); len(left) != 0 {
			t.Errorf("%s: %v is left", strings.Join(ask[:2], " "), left)
		}
	}
}

// checkWriterRole holds the role of the walk-through against the permissions that the plugin's own
// messages ask for.
func checkWriterRole(t *testing.T, path string) {
	t.Helper()
	body, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(filepath.Join(module(t), "internal", "opensearch", "remedy.go"))
	if err != nil {
		t.Fatal(err)
	}
	asked := regexp.MustCompile("(?s)const permissions = `(.*?)`").FindSubmatch(source)
	if asked == nil {
		t.Fatal("internal/opensearch/remedy.go does not say which permissions a writer needs")
	}
	permission := regexp.MustCompile(`indices:[a-z/]+\*?`)
	want := permission.FindAllString(string(asked[1]), -1)
	same(t, "the writer's permissions", permission.FindAllString(string(body), -1), want)
}

// TestWalkthroughInstead goes the other ways, each from an account of its own.
func TestWalkthroughInstead(t *testing.T) {
	t.Parallel()
	all := sections(t, module(t))
	c := newCloud(t)
	begin := func() string {
		c.t.Helper()
		c.reset()
		return c.putCluster("shop")
	}
	arn := "arn:aws:es:" + region + ":" + account + ":domain/logs"

	begin()
	calls, _ := c.walk(find(t, all, "1.", "Instead: a domain in the cluster's VPC")...)
	var access string
	c.ask(&access, "opensearch", "describe-domain", "--domain-name", "logs", "--query",
		"DomainStatus.AccessPolicies")
	same(t, "the access policy", decoded(t, access),
		shipped(t, "domain-access-policy-vpc.json", map[string]string{"OPENSEARCH_ARN": arn}))
	if said := strings.Join(calls, "\n"); !strings.Contains(said, "--vpc-options "+
		"SubnetIds=[subnet-1,subnet-2],SecurityGroupIds=[sg-") {
		t.Errorf("the domain is not in the VPC:\n%s", said)
	}

	begin()
	c.walk(find(t, all, "1.", "Instead: EKS Pod Identity")...)
	c.checkRole("fluent-bit-shop",
		shipped(t, "trust-policy-pod-identity.json",
			map[string]string{"NAMESPACE": "logging", "SERVICE_ACCOUNT": "opensearch-irsa",
				"CLUSTER_ARN": "arn:aws:eks:" + region + ":" + account + ":cluster/shop"}),
		shipped(t, "policy-least-privilege.json", map[string]string{"OPENSEARCH_ARN": arn}))

	provider := begin()
	calls, _ = c.walk(find(t, all, "1.", "3.", "Instead: an OpenSearch Serverless")...)
	role := "arn:aws:iam::" + account + ":role/fluent-bit-shop"
	same(t, "the encryption policy", passed(t, calls, "create-security-policy --type encryption"),
		shipped(t, "serverless-encryption.json", map[string]string{"COLLECTION_NAME": "logs"}))
	same(t, "the network policy", passed(t, calls, "create-security-policy --type network"),
		shipped(t, "serverless-network.json", map[string]string{"COLLECTION_NAME": "logs"}))
	same(t, "the data access policy", passed(t, calls, "create-access-policy"),
		shipped(t, "serverless-data-access.json",
			map[string]string{"COLLECTION_NAME": "logs", "ROLE_ARN": role,
				"ADMIN_ARN": "arn:aws:iam::" + account + ":role/Admin"}))
	same(t, "the lifecycle policy", passed(t, calls, "create-lifecycle-policy"),
		shipped(t, "serverless-lifecycle.json",
			map[string]string{"COLLECTION_NAME": "logs", "RETENTION": "30d"}))
	var people string
	c.ask(&people, "iam", "list-policies", "--scope", "Local", "--query",
		"Policies[?PolicyName=='logs-dashboards'].PolicyName | [0]")
	same(t, "the policy of people", people, "logs-dashboards")
	var collection string
	c.ask(&collection, "opensearchserverless", "batch-get-collection", "--names", "logs", "--query",
		"collectionDetails[0].arn")
	trust := shipped(t, "trust-policy.json",
		map[string]string{"NAMESPACE": "logging", "SERVICE_ACCOUNT": "opensearch-irsa",
			"IDENTITY_PROVIDER_ARN": "arn:aws:iam::" + account + ":oidc-provider/" +
				provider, "IDENTITY_PROVIDER": provider})
	c.checkRole("fluent-bit-shop", trust,
		shipped(t, "policy-serverless.json", map[string]string{"COLLECTION_ARN": collection}))

	provider = begin()
	c.walk(find(t, all, "1.", "3.", "Instead: a domain in another account")...)
	trust = shipped(t, "trust-policy.json",
		map[string]string{"NAMESPACE": "logging", "SERVICE_ACCOUNT": "opensearch-irsa",
			"IDENTITY_PROVIDER_ARN": "arn:aws:iam::" + account + ":oidc-provider/" +
				provider, "IDENTITY_PROVIDER": provider})
	c.checkRole("fluent-bit-shop", trust,
		shipped(t, "policy-assume-role.json",
			map[string]string{"WRITER_ROLE_ARN": "arn:aws:iam::210987654321:role/log-writer"}))
	c.checkRole("log-writer",
		shipped(t, "trust-policy-cross-account.json",
			map[string]string{"POD_ROLE_ARN": "arn:aws:iam::" + account +
				":role/fluent-bit-shop", "EXTERNAL_ID": "shop"}),
		shipped(t, "policy-least-privilege.json",
			map[string]string{"OPENSEARCH_ARN": "arn:aws:es:" + region +
				":210987654321:domain/logs"}))
}

// passed is the policy that a call of the Serverless API was given, which reaches from --policy to
// the next call.
func passed(t *testing.T, calls []string, call string) any {
	t.Helper()
	_, given, found := strings.Cut("\n"+strings.Join(calls, "\n"), "\nopensearchserverless "+call)
	if _, given, _ = strings.Cut(given, "--policy "); !found {
		t.Fatalf("nobody called %s", call)
	}
	var document any
	if err := json.NewDecoder(strings.NewReader(given)).Decode(&document); err != nil {
		t.Fatalf("%s: %v", call, err)
	}
	return document
}
