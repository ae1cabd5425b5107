package e2e

import (
	"crypto/tls"
	"fmt"
	"os"
	"strings"
	"testing"

	"out_opensearch_irsa/test/fixtures/localaws"
)

// TestIdentitySources delivers with every source of credentials that there is. The start-up line
// names it, and the domain sees the role that it stands for.
func TestIdentitySources(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(n *node, c *cloud) []set
		says    string // in the start-up line; ROLE is the mapped role
		caller  string // whom the domain sees
	}{
		{"IRSA before all others", func(n *node, c *cloud) []set {
			c.podIdentity()
			n.env["AWS_ACCESS_KEY_ID"], n.env["AWS_SECRET_ACCESS_KEY"] = "AKIAOTHER", "not-a-key"
			n.mint(n.ownToken(), localaws.ServiceAccountToken{Pod: "fluent-bit-x7k2p"})
			return nil
		}, "web identity (IRSA) role ROLE, signed for es in eu-central-1",
			"assumed-role/fluent-bit/fluent-bit-x7k2p@node-1"},
		{"Pod Identity before keys", func(n *node, c *cloud) []set {
			c.withoutIRSA()
			c.podIdentity()
			n.env["AWS_ACCESS_KEY_ID"], n.env["AWS_SECRET_ACCESS_KEY"] = "AKIAOTHER", "not-a-key"
			return nil
		}, "EKS Pod Identity (the role of the pod's association)",
			"assumed-role/fluent-bit/eks-cluster-"},
		{"keys", func(n *node, c *cloud) []set {
			c.withoutIRSA()
			arn, id, secret := c.user("writer", string(c.policy))
			n.mapRole(arn)
			n.env["AWS_ACCESS_KEY_ID"], n.env["AWS_SECRET_ACCESS_KEY"] = id, secret
			return nil
		}, "environment, access key AKIA", "arn:aws:iam::123456789012:user/writer"},
		{"profile with a role", func(n *node, c *cloud) []set {
			c.withoutIRSA()
			arn, id, secret := c.user("assumer",
				`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}`)
			c.putRole("fluent-bit", trustOf(arn, "cluster-1"), c.policy)
			n.replace(n.dir+"/credentials",
				"[keys]\naws_access_key_id = "+id+"\naws_secret_access_key = "+secret+"\n")
			n.replace(n.dir+"/config", "[profile logs]\nrole_arn = "+c.roleARN+"\nsource_profile = keys\nexternal_id = cluster-1\n")
			n.env["AWS_SHARED_CREDENTIALS_FILE"], n.env["AWS_CONFIG_FILE"] = n.dir+"/credentials",
				n.dir+"/config"
			n.env["HOSTNAME"], n.env["NODE_NAME"] = "fluent-bit-q8w9e", "ip-10-0-0-1"
			return []set{{"OUTPUT", "AWS_Profile", "logs"}}
		}, "profile keys, access key AKIA", "assumed-role/fluent-bit/fluent-bit-q8w9e@ip-10-0-0-1"},
		{"role of another, with an external id", func(n *node, c *cloud) []set {
			own := c.putRole("pod", c.trust,
				[]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}`))
			c.putRole("fluent-bit", trustOf(own, "cluster-1"), c.policy)
			n.env["AWS_ROLE_ARN"] = own
			return []set{{"OUTPUT", "AWS_Role_ARN", c.roleARN},
				{"OUTPUT", "AWS_External_ID", "cluster-1"}}
		}, "web identity (IRSA) role arn:aws:iam::123456789012:role/pod, then role ROLE",
			"assumed-role/fluent-bit/fluent-bit-x7k2p@node-1"},
		{"the node's role, asked for", func(n *node, c *cloud) []set {
			c.withoutIRSA()
			n.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = serve(n.t,
				localaws.NewMetadata(c.iam, c.roleARN), nil).URL()
			return []set{{"OUTPUT", "AWS_Credentials", "default"}}
		}, "the node's role (EC2 metadata)", "assumed-role/fluent-bit/i-0123456789abcdef0"},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, newest())
			cloud := n.ownCloud(place{})
			n.config = shipped(t, c.prepare(n, cloud)...)
			a := n.start()
			if started := strings.Join(a.ours("info"), "\n"); !strings.Contains(started,
				strings.ReplaceAll(c.says, "ROLE", cloud.roleARN)) {
				t.Errorf("the log does not say %q:\n%s", c.says, started)
			}
			n.write(50)
			expectLines(t, n.index, 50)
			if seen := cloud.door.Stats(); !strings.Contains(seen.LastCaller, c.caller) ||
				seen.Statuses[403] > 0 {
				t.Errorf("the domain saw %s, want %s; answers %v", seen.LastCaller, c.caller,
					seen.Statuses)
			}
			a.stop()
		})
	}
}

// trustOf is the trust policy of a role that one principal may assume, with an external id.
func trustOf(principal, externalID string) []byte {
	return fmt.Appendf(nil, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":%q},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":%q}}}}`, principal, externalID)
}

// TestIdentityNeverTheNodesRole has a node whose role would do, and a pod that has none of its own.
func TestIdentityNeverTheNodesRole(t *testing.T) {
	t.Parallel()
	n := newNode(t, newest())
	c := n.ownCloud(place{})
	c.withoutIRSA()
	n.env["AWS_EC2_METADATA_SERVICE_ENDPOINT"] = serve(t, localaws.NewMetadata(c.iam, c.roleARN),
		nil).URL()
	a := n.launch()
	if status, err := a.Wait(t.Context()); err != nil || status == 0 {
		t.Errorf("the agent ended with status %d (%v)", status, err)
	}
	for _, part := range []string{"the pod has no AWS credentials", "the node's role is used " +
		"only with AWS_Credentials default", "eks.amazonaws.com/role-arn", "EKS Pod Identity association"} {
		if lines := a.ours("error"); len(lines) != 1 || !strings.Contains(lines[0], part) {
			t.Errorf("the log does not say %q: %q", part, lines)
		}
	}
	if given := c.iam.Secrets(); len(given) > 0 {
		t.Error("credentials were given out")
	}
}

// TestIdentityEndpoints delivers from a closed network, whose only way out is a proxy that knows
// the names of AWS's endpoints: which ones are asked for shows the region, the partition and the
// kind of STS's.
func TestIdentityEndpoints(t *testing.T) {
	tests := []struct {
		name        string
		at          place
		sts, domain string
		env         map[string]string
	}{
		{"the pod's region", place{}, "sts.eu-west-1.amazonaws.com",
			"search-logs-abc123.eu-central-1.es.amazonaws.com",
			map[string]string{"AWS_REGION": "eu-west-1"}},
		{"FIPS", place{"aws", "us-east-1", ""}, "sts-fips.us-east-1.amazonaws.com",
			"search-logs-abc123.us-east-1.es.amazonaws.com",
			map[string]string{"AWS_USE_FIPS_ENDPOINT": "true"}},
		{"dual stack", place{"aws", "eu-west-1", ""}, "sts.eu-west-1.api.aws",
			"search-logs-abc123.aos.eu-west-1.on.aws",
			map[string]string{"AWS_USE_DUALSTACK_ENDPOINT": "true"}},
		{"China", place{"aws-cn", "cn-north-1", ""}, "sts.cn-north-1.amazonaws.com.cn",
			"search-logs-abc123.cn-north-1.es.amazonaws.com.cn", nil},
		{"GovCloud", place{"aws-us-gov", "us-gov-west-1", ""}, "sts.us-gov-west-1.amazonaws.com",
			"search-logs-abc123.us-gov-west-1.es.amazonaws.com", nil},
		{"Serverless", place{"aws", "eu-west-1", localaws.Search}, "sts.eu-west-1.amazonaws.com",
			"abc123.aoss.eu-west-1.on.aws", nil},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, newest())
			cloud := n.newCloud(c.at)
			egress := cloud.behindProxy(c.sts, c.domain, nil)
			n.env["AWS_REGION"], n.env["AWS_DEFAULT_REGION"] = "", ""
			for name, value := range c.env {
				n.env[name] = value
			}
			a := n.start()
			n.write(50)
			expectLines(t, n.index, 50)
			if asked := strings.Join(egress.Asked(), " "); asked != c.domain+":443 "+c.sts+":443" &&
				asked != c.sts+":443 "+c.domain+":443" {
				t.Errorf("the proxy was asked for %s", asked)
			}
			if caller := cloud.door.Stats().LastCaller; !strings.HasPrefix(caller,
				strings.Replace(strings.Replace(cloud.roleARN, ":iam:", ":sts:", 1), ":role/",
					":assumed-role/", 1)) {
				t.Errorf("the domain saw %s", caller)
			}
			a.stop()
		})
	}
}

// TestIdentityTLS has an authority that only TLS_CA_File names, for the domain and STS, and a
// domain that wants a client's certificate.
func TestIdentityTLS(t *testing.T) {
	t.Parallel()
	n := newNode(t, newest())
	c := n.newCloud(place{})
	clients := world.CA.Pool()
	c.behindProxy("sts.eu-central-1.amazonaws.com", "logs.example.com", func(t *tls.Config) {
		t.ClientAuth, t.ClientCAs = tls.RequireAndVerifyClientCert, clients
	})
	certificate, key, err := world.CA.Issue("fluent-bit")
	if err != nil {
		t.Fatal(err)
	}
	n.replace(n.dir+"/client.pem", string(certificate))
	n.replace(n.dir+"/client-key.pem", string(key))
	n.env["SSL_CERT_FILE"] = ""
	n.config = shipped(t, set{"OUTPUT", "TLS_CA_File", world.CAFile},
		set{"OUTPUT", "TLS_Client_Cert_File", n.dir +
			"/client.pem"}, set{"OUTPUT", "TLS_Client_Key_File", n.dir + "/client-key.pem"})
	a := n.start()
	n.write(50)
	expectLines(t, n.index, 50)
	a.stop()
	if key, err := os.ReadFile(n.dir + "/client-key.pem"); err == nil {
		clouds.addSecret(strings.Split(string(key), "\n")[1])
	}
}

// TestIdentityNoProxy has NO_PROXY keep the domain away from the proxy that STS is behind.
func TestIdentityNoProxy(t *testing.T) {
	t.Parallel()
	n := newNode(t, newest())
	c := n.newCloud(place{})
	// A label of more than 63 bytes never leaves the machine: no resolver can ask for it.
	domain := "search-" + strings.Repeat("logs", 16) + ".invalid"
	egress := c.behindProxy("sts.eu-central-1.amazonaws.com", domain, nil)
	n.env["NO_PROXY"] = ".invalid"
	n.config = shipped(t, impatient...)
	a := n.start()
	n.write(10)
	a.wait(`cannot deliver: no answer from https://search-logs.*no such host`)
	if asked := egress.Asked(); len(asked) != 1 ||
		asked[0] != "sts.eu-central-1.amazonaws.com:443" {
		t.Errorf("the proxy was asked for %q", asked)
	}
	a.stop()
}
