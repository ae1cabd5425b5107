// Package aws tries what deploy/ does to an AWS account, against moto: Terraform's modules and
// examples, and the walk-through for the AWS CLI. It needs the tools that make names in the
// environment, and checks what the account then holds.
package aws

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/ports"
	"out_opensearch_irsa/test/fixtures/stack"
)

const (
	account = "123456789012" // moto's
	region  = "eu-central-1"
)

// cloud is an empty account in moto.
type cloud struct {
	t        *testing.T
	bin      string // where aws and python are
	endpoint string
}

func newCloud(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{t: t, bin: os.Getenv("AWS_TOOLS_BIN")}
	if _, err := os.Stat(filepath.Join(c.bin, "moto_server")); c.bin == "" || err != nil {
		stack.Missing(t, fmt.Sprintf("AWS_TOOLS_BIN does not name the venv that "+
			"make terraform builds: %v", err))
	}
	port := ports.For(t)
	c.endpoint = "http://127.0.0.1:" + port
	ctx, stop := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, filepath.Join(c.bin, "moto_server"), "-H", "127.0.0.1", "-p", port)
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { stop(); _ = server.Wait() })
	deadline := time.Now().Add(time.Minute)
	for {
		response, err := http.Get(c.endpoint + "/moto-api/") //nolint:noctx // loopback, and the deadline is here
		if err == nil {
			_ = response.Body.Close()
			return c
		}
		if time.Now().After(deadline) {
			t.Fatalf("moto does not answer: %v", err)
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
}

// env is the environment of a tool that shall see this account and nothing else.
func (c *cloud) env(more ...string) []string {
	return append([]string{
		"PATH=" + c.bin + ":" + os.Getenv("PATH"), "HOME=" + c.t.TempDir(), "AWS_ENDPOINT_URL=" + c.endpoint, "AWS_ACCESS_KEY_ID=test",
		"AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=" + region, "AWS_DEFAULT_REGION=" + region, "AWS_EC2_METADATA_DISABLED=true", "AWS_PAGER=",
	}, more...)
}

// ask runs the AWS CLI and decodes what it prints.
func (c *cloud) ask(into any, args ...string) {
	c.t.Helper()
	command := exec.CommandContext(c.t.Context(), filepath.Join(c.bin, "aws"), args...)
	command.Env = c.env("AWS_DEFAULT_OUTPUT=json")
	command.Stderr = os.Stderr
	output, err := command.Output()
	if err != nil {
		c.t.Fatalf("aws %q: %v", args, err)
	}
	if into != nil {
		if err := json.Unmarshal(output, into); err != nil {
			c.t.Fatalf("aws %q: %v: %s", args, err, output)
		}
	}
}

// reset empties the account.
func (c *cloud) reset() {
	c.t.Helper()
	response, err := http.Post(c.endpoint+"/moto-api/reset", "", nil) //nolint:noctx // loopback
	if err != nil || response.StatusCode != http.StatusOK {
		c.t.Fatalf("moto does not reset: %v, %v", response, err)
	}
	_ = response.Body.Close()
}

// putCluster makes an EKS cluster and returns the name of its OIDC issuer, without its scheme.
func (c *cloud) putCluster(name string) (identityProvider string) {
	c.t.Helper()
	var issuer string
	c.ask(&issuer, "eks", "create-cluster", "--name", name, "--role-arn",
		"arn:aws:iam::"+account+":role/cluster",
		"--resources-vpc-config", "subnetIds=subnet-1,subnet-2", "--query", "cluster.identity.oidc.issuer")
	return localaws.IdentityProvider(issuer)
}

// shipped is a file of deploy/iam, filled in.
func shipped(t *testing.T, name string, values map[string]string) any {
	t.Helper()
	root, err := stack.ModuleRoot()
	if err != nil {
		t.Fatal(err)
	}
	template, err := os.ReadFile(filepath.Join(root, "deploy", "iam", name))
	if err != nil {
		t.Fatal(err)
	}
	document, err := localaws.Fill(template, values)
	if err != nil {
		t.Fatal(err)
	}
	return decoded(t, string(document))
}

func decoded(t *testing.T, document string) any {
	t.Helper()
	var value any
	if err := json.Unmarshal([]byte(document), &value); err != nil {
		t.Fatalf("%v: %s", err, document)
	}
	return value
}

// same compares documents as JSON.
func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s is\n%s\nwant\n%s", what, text(got), text(want))
	}
}

func text(value any) string {
	b, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return string(b)
}

// role is a role of the account with what it may do.
func (c *cloud) checkRole(name string, trust, permissions any) {
	c.t.Helper()
	var got any
	c.ask(&got, "iam", "get-role", "--role-name", name, "--query", "Role.AssumeRolePolicyDocument")
	same(c.t, "the trust policy of "+name, got, trust)
	var attached []string
	c.ask(&attached, "iam", "list-attached-role-policies", "--role-name", name, "--query",
		"AttachedPolicies[].PolicyArn")
	if len(attached) != 1 {
		c.t.Fatalf("role %s has the policies %q", name, attached)
	}
	c.ask(&got, "iam", "get-policy-version", "--policy-arn", attached[0], "--version-id", "v1",
		"--query", "PolicyVersion.Document")
	same(c.t, "the policy of "+name, got, permissions)
}
