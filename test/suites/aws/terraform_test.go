package aws

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"out_opensearch_irsa/test/fixtures/stack"
)

// root is a Terraform configuration in a copy of deploy/, so that nothing is left in the tree.
type root struct {
	t   *testing.T
	dir string
	env []string
}

// newRoot copies deploy/ and initialises the folder of it that path names. c may be nil where
// nothing is asked of AWS.
func newRoot(t *testing.T, c *cloud, path string) *root {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		stack.Missing(t, fmt.Sprintf("terraform is not installed: %v", err))
	}
	module, err := stack.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	// Terraform reads the modules by relative paths, and they the policies.
	copied := t.TempDir()
	for _, part := range []string{"iam", "terraform"} {
		if err := os.CopyFS(filepath.Join(copied, part),
			os.DirFS(filepath.Join(module, "deploy", part))); err != nil {
			t.Fatal(err)
		}
	}
	r := &root{t: t, dir: filepath.Join(copied, "terraform", path),
		env: []string{"PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME")}}
	if c != nil {
		r.env = c.env()
	}
	// A configuration file that is named but not there is a warning on every run.
	if file := os.Getenv("TF_CLI_CONFIG_FILE"); file != "" {
		if _, err := os.Stat(file); err != nil {
			file = os.DevNull
		}
		r.env = append(r.env, "TF_CLI_CONFIG_FILE="+file)
	}
	r.env = append(r.env, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1", "TF_CLI_ARGS=-no-color")
	args := []string{"init", "-input=false", "-backend=false"}
	if providers := os.Getenv("TERRAFORM_PROVIDERS"); providers != "" {
		args = append(args, "-plugin-dir="+providers)
	}
	if output, err := r.run(args...); err != nil {
		stack.Missing(t, fmt.Sprintf("terraform init gets no provider; put one into a folder and "+
			"name it in TERRAFORM_PROVIDERS: %v\n%s", err, output))
	}
	return r
}

func (r *root) run(args ...string) (string, error) {
	command := exec.CommandContext(r.t.Context(), "terraform", args...)
	command.Dir, command.Env = r.dir, r.env
	output, err := command.Output()
	var failed *exec.ExitError
	if errors.As(err, &failed) {
		output = append(output, failed.Stderr...)
	}
	return string(output), err
}

func (r *root) mustRun(args ...string) string {
	r.t.Helper()
	output, err := r.run(args...)
	if err != nil {
		r.t.Fatalf("terraform %s: %v\n%s", strings.Join(args, " "), err, output)
	}
	return output
}

// plan returns the values of all planned resources by address, without the module's path where it
// is unique.
func (r *root) plan(variables ...string) map[string]map[string]any {
	r.t.Helper()
	r.mustRun("validate")
	args := []string{"plan", "-input=false", "-out=plan"}
	for _, v := range variables {
		args = append(args, "-var="+v)
	}
	r.mustRun(args...)
	type module struct {
		Resources []struct {
			Address string         `json:"address"`
			Values  map[string]any `json:"values"`
		} `json:"resources"`
		Children []json.RawMessage `json:"child_modules"`
	}
	var shown struct {
		Planned struct {
			Root json.RawMessage `json:"root_module"`
		} `json:"planned_values"`
	}
	if err := json.Unmarshal([]byte(r.mustRun("show", "-json", "plan")), &shown); err != nil {
		r.t.Fatal(err)
	}
	all := map[string]map[string]any{}
	for left := []json.RawMessage{shown.Planned.Root}; len(left) > 0; left = left[1:] {
		var m module
		if err := json.Unmarshal(left[0], &m); err != nil {
			r.t.Fatal(err)
		}
		for _, resource := range m.Resources {
			all[resource.Address] = resource.Values
		}
		left = append(left, m.Children...)
	}
	return all
}

// at walks into nested values: names into objects, and through lists of one.
func at(t *testing.T, value any, path string) any {
	t.Helper()
	for _, name := range strings.Split(path, ".") {
		if list, ok := value.([]any); ok && len(list) == 1 {
			value = list[0]
		}
		object, ok := value.(map[string]any)
		if !ok {
			t.Fatalf("there is no %s: %v", path, value)
		}
		value = object[name]
	}
	return value
}

func TestTerraformFormat(t *testing.T) {
	if _, err := exec.LookPath("terraform"); err != nil {
		stack.Missing(t, fmt.Sprintf("terraform is not installed: %v", err))
	}
	output, err := exec.CommandContext(t.Context(), "terraform", "fmt", "-check", "-diff",
		"-recursive", "../../../deploy/terraform").Output()
	if err != nil {
		t.Errorf("terraform fmt -recursive deploy/terraform would change: %v\n%s", err, output)
	}
}

// TestTerraformProvider has one range of providers in all modules, so that they share a root with
// those of others, and its floor is the version that is tested where a folder of providers is
// brought along; elsewhere terraform init takes the newest.
func TestTerraformProvider(t *testing.T) {
	const wanted = `version = ">= 5.100, < 7.0"`
	files, err := filepath.Glob("../../../deploy/terraform/*/*/versions.tf")
	if err != nil || len(files) < 7 {
		t.Fatalf("found %q (%v)", files, err)
	}
	for _, file := range append(files, "../../../deploy/terraform/tests/versions.tf") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(string(text), wanted) {
			t.Errorf("%s asks for another provider than %s", file, wanted)
		}
	}
	if providers := os.Getenv("TERRAFORM_PROVIDERS"); providers != "" {
		brought, err := filepath.Glob(filepath.Join(providers,
			"registry.terraform.io/hashicorp/aws/*"))
		if err != nil || len(brought) != 1 ||
			!strings.HasPrefix(filepath.Base(brought[0]), "5.100.") {
			t.Errorf("the providers brought along are %q (%v), and the floor is 5.100", brought, err)
		}
	}
}

// TestTerraformProviderSix reads what no provider of 6.x is here to tell: each resource and data
// source is one that was looked up in the upgrade guide of 6.0
// (website/docs/guides/version-6-upgrade.html.markdown of the provider), and has nothing that 6.0
// removes or deprecates of it.
func TestTerraformProviderSix(t *testing.T) {
	gone := map[string][]string{
		"aws_eip": {"vpc"}, "aws_eks_addon": {"resolve_conflicts"}, "aws_opensearch_domain": {"kibana_endpoint"}, "aws_region": {"name"},
	}
	for _, unchanged := range strings.Fields(`availability_zones caller_identity cloudwatch_log_group cloudwatch_log_resource_policy eks_cluster
		eks_node_group eks_pod_identity_association iam_openid_connect_provider iam_policy iam_role iam_role_policy_attachment iam_roles
		iam_service_linked_role iam_session_context internet_gateway nat_gateway opensearch_domain_saml_options
		opensearchserverless_access_policy opensearchserverless_collection opensearchserverless_lifecycle_policy
		opensearchserverless_security_policy partition route_table route_table_association security_group subnet vpc
		vpc_security_group_ingress_rule`) {
		gone["aws_"+unchanged] = nil
	}
	files, err := filepath.Glob("../../../deploy/terraform/*/*/*.tf")
	if err != nil || len(files) < 20 {
		t.Fatalf("found %q (%v)", files, err)
	}
	block := regexp.MustCompile(`(?ms)^(?:resource|data) "(aws_\w+)" "\w+" \{(\}|.*?\n\})`)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range block.FindAllStringSubmatch(string(text), -1) {
			arguments, known := gone[m[1]]
			if !known {
				t.Errorf("%s has %s: look it up in the guide", file, m[1])
			}
			for _, argument := range arguments {
				if regexp.MustCompile(`(?m)^\s*`+argument+`\b`).MatchString(m[2]) ||
					regexp.MustCompile(m[1]+`\.\w+(\[\w\])?\.`+argument+`\b`).MatchString(string(text)) {
					t.Errorf("%s: %s has %s, which 6.0 does not", file, m[1], argument)
				}
			}
		}
	}
}

// TestTerraformModules runs the modules' own tests, with a mock in the provider's place.
func TestTerraformModules(t *testing.T) {
	t.Parallel()
	output := newRoot(t, nil, "tests").mustRun("test")
	if !strings.Contains(output, ", 0 failed") {
		t.Errorf("terraform test says\n%s", output)
	}
}

// TestTerraformExamples has one account for all examples: only the first is applied.
func TestTerraformExamples(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	provider := c.putCluster("shop")
	c.ask(nil, "opensearch", "create-domain", "--domain-name", "logs")
	t.Run("existing cluster", func(t *testing.T) { existingCluster(t, c, provider) })
	t.Run("new cluster", func(t *testing.T) { newCluster(t, c) })
	t.Run("serverless", func(t *testing.T) { serverless(t, c) })
}

// existingCluster applies the IAM side to a cluster and a domain that are there.
func existingCluster(t *testing.T, c *cloud, provider string) {
	r := newRoot(t, c, "examples/existing-cluster")
	variables := []string{"-var=region=" +
		region, "-var=cluster_name=shop", "-var=create_domain=false"}
	r.mustRun(append([]string{"apply", "-auto-approve", "-input=false"}, variables...)...)

	providerARN := "arn:aws:iam::" + account + ":oidc-provider/" + provider
	var audiences []string
	c.ask(&audiences, "iam", "get-open-id-connect-provider", "--open-id-connect-provider-arn",
		providerARN, "--query", "ClientIDList")
	same(t, "the provider's audiences", audiences, []string{"sts.amazonaws.com"})
	domain := "arn:aws:es:" + region + ":" + account + ":domain/logs"
	c.checkRole("fluent-bit-shop",
		shipped(t, "trust-policy.json",
			map[string]string{"NAMESPACE": "logging", "SERVICE_ACCOUNT": "opensearch-irsa",
				"IDENTITY_PROVIDER_ARN": providerARN, "IDENTITY_PROVIDER": provider}),
		shipped(t, "policy-least-privilege.json", map[string]string{"OPENSEARCH_ARN": domain}))

	want := "OPENSEARCH_ENDPOINT=logs." + region + ".es.amazonaws.com\nAWS_REGION=" + region +
		"\nINDEX_NAME=eks-log\n" +
		"FLUENT_BIT_ROLE_ARN=arn:aws:iam::" + account + ":role/fluent-bit-shop\nBOOTSTRAP_ROLE_ARN=\n"
	if got := r.mustRun("output", "-raw", "settings_env"); got != want {
		t.Errorf("settings_env is\n%s\nwant\n%s", got, want)
	}
	// Somebody else's DaemonSet has an account of its own.
	other := r.plan("region="+region, "cluster_name=shop", "create_domain=false",
		"namespace=amazon", "service_account=aws-for-fluent-bit")
	same(t, "the trust policy of another account",
		decoded(t, other["module.writer.aws_iam_role.this"]["assume_role_policy"].(string)), shipped(t, "trust-policy.json", map[string]string{
			"NAMESPACE": "amazon", "SERVICE_ACCOUNT": "aws-for-fluent-bit", "IDENTITY_PROVIDER_ARN": providerARN, "IDENTITY_PROVIDER": provider}))
	// A second run finds nothing to do.
	r.mustRun(append([]string{"plan", "-input=false", "-detailed-exitcode"}, variables...)...)
}

// newCluster plans everything from an empty account.
func newCluster(t *testing.T, c *cloud) {
	planned := newRoot(t, c, "examples/new-cluster").plan("region="+region, "name=other",
		`api_cidrs=["203.0.113.0/24"]`)

	domain := planned["module.domain.aws_opensearch_domain.this"]
	for path, want := range map[string]any{
		"encrypt_at_rest.enabled":                                  true,
		"node_to_node_encryption.enabled":                          true,
		"domain_endpoint_options.enforce_https":                    true,
		"domain_endpoint_options.tls_security_policy":              "Policy-Min-TLS-1-2-PFS-2023-10",
		"advanced_security_options.enabled":                        true,
		"advanced_security_options.anonymous_auth_enabled":         false,
		"advanced_security_options.internal_user_database_enabled": false,
		"auto_tune_options.desired_state":                          "ENABLED",
		"auto_tune_options.use_off_peak_window":                    true,
		"off_peak_window_options.enabled":                          true,
		"software_update_options.auto_software_update_enabled":     true,
		"log_publishing_options.log_type":                          "ES_APPLICATION_LOGS",
		"cluster_config.zone_awareness_enabled":                    true,
		"cluster_config.instance_count":                            2.0,
		"ebs_options.volume_type":                                  "gp3",
		"ebs_options.volume_size":                                  100.0,
	} {
		same(t, path, at(t, domain, path), want)
	}
	arn := "arn:aws:es:" + region + ":" + account + ":domain/other"
	same(t, "the access policy", decoded(t, domain["access_policies"].(string)),
		shipped(t, "domain-access-policy-vpc.json", map[string]string{"OPENSEARCH_ARN": arn}))
	same(t, "the policy for CloudWatch",
		decoded(t, planned["module.domain.aws_cloudwatch_log_resource_policy.this[0]"]["policy_document"].(string)),
		shipped(t, "log-publishing-policy.json",
			map[string]string{"OPENSEARCH_ARN": arn, "ACCOUNT_ID": account,
				"LOG_GROUPS_ARN": "arn:aws:logs:" + region + ":" + account + ":log-group:/aws/opensearch/domains/other/*"}))
	same(t, "the writer's policy",
		decoded(t, planned["module.writer.aws_iam_policy.this"]["policy"].(string)),
		shipped(t, "policy-least-privilege.json", map[string]string{"OPENSEARCH_ARN": arn}))
	same(t, "the bootstrap's policy",
		decoded(t, planned["module.bootstrap[0].aws_iam_policy.this"]["policy"].(string)),
		shipped(t, "policy.json", map[string]string{"OPENSEARCH_ARN": arn}))
	if planned["module.domain.aws_iam_service_linked_role.this[0]"] == nil {
		t.Error("in an empty account the first domain in a VPC fails: nobody makes " +
			"the service's role")
	}
	if planned["module.domain.aws_vpc_security_group_ingress_rule.nodes[1]"]["cidr_ipv4"] != "10.0.192.0/18" {
		t.Errorf("the nodes' subnets do not reach the domain: %v",
			planned["module.domain.aws_vpc_security_group_ingress_rule.nodes[1]"])
	}
	if planned["aws_eks_cluster.this"] == nil || planned["aws_eks_node_group.this"] == nil ||
		planned["module.identity_provider.aws_iam_openid_connect_provider.this[0]"] == nil {
		t.Error("there is no cluster, no node or no identity provider")
	}
}

// serverless plans a collection; moto has no data access policies, so nothing is applied.
func serverless(t *testing.T, c *cloud) {
	planned := newRoot(t, c, "examples/serverless").plan("region="+region, "cluster_name=shop",
		`admin_arns=["arn:aws:iam::`+account+`:role/admin"]`)
	name := map[string]string{"COLLECTION_NAME": "logs"}
	same(t, "the encryption policy",
		decoded(t, planned["module.collection.aws_opensearchserverless_security_policy.encryption"]["policy"].(string)),
		shipped(t, "serverless-encryption.json", name))
	same(t, "the network policy", decoded(t,
		planned["module.collection.aws_opensearchserverless_security_policy.network"]["policy"].(string)),
		shipped(t, "serverless-network.json", name))
	same(t, "the type", planned["module.collection.aws_opensearchserverless_collection.this"]["type"], "TIMESERIES")
	same(t, "the lifecycle policy",
		decoded(t, planned["module.collection.aws_opensearchserverless_lifecycle_policy.this[0]"]["policy"].(string)),
		shipped(t, "serverless-lifecycle.json",
			map[string]string{"COLLECTION_NAME": "logs", "RETENTION": "30d"}))
	if planned["module.collection.aws_opensearchserverless_access_policy.this"] == nil ||
		planned["module.writer.aws_iam_role.this"] == nil {
		t.Error("there is no data access policy, or no role")
	}
}
