package e2e

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"out_opensearch_irsa/test/fixtures/localaws"
)

// cloud is an AWS account of one node's own, with a domain (or a collection) in front of the
// OpenSearch that all share. Its role has the ARN that is mapped there already, unless the
// partition is another.
type cloud struct {
	n    *node
	iam  *localaws.IAM
	sts  *localaws.STS
	door *localaws.FrontDoor

	roleARN, domainARN string
	policy, trust      []byte // of the role
}

// place is where a cloud is.
type place struct {
	partition, region string
	collection        localaws.Collection
}

// ownCloud gives the node's pod an account, IRSA's role in it, an STS and a domain of its own, on
// loopback addresses.
func (n *node) ownCloud(at place) *cloud {
	n.t.Helper()
	c := n.newCloud(at)
	n.env["AWS_ENDPOINT_URL_STS"] = serve(n.t, c.sts, nil).URL()
	certificates, err := world.CA.ServerTLS()
	if err != nil {
		n.t.Fatal(err)
	}
	n.env["OPENSEARCH_ENDPOINT"] = serve(n.t, c.door, certificates).URL()
	return c
}

// newCloud is ownCloud before anything listens.
func (n *node) newCloud(at place) *cloud {
	n.t.Helper()
	if at.partition == "" {
		at.partition, at.region = "aws", region
	}
	c := &cloud{n: n, iam: localaws.NewIAMIn(at.partition, "123456789012")}
	clouds.add(c.iam)
	c.sts = localaws.NewSTS(c.iam)
	c.domainARN = "arn:" + at.partition + ":es:" + at.region + ":123456789012:domain/logs"
	c.policy = fill(n.t, "policy.json", map[string]string{"OPENSEARCH_ARN": c.domainARN})
	if at.collection != "" {
		c.domainARN = "arn:" + at.partition + ":aoss:" + at.region +
			":123456789012:collection/abc123"
		c.policy = []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"aoss:APIAccessAll","Resource":"` + c.domainARN + `"}}`)
	}
	c.trust = fill(n.t, "trust-policy.json", map[string]string{
		"IDENTITY_PROVIDER": localaws.IdentityProvider(world.Issuer.URL()),
		"NAMESPACE":         "logging", "SERVICE_ACCOUNT": "fluent-bit", "IDENTITY_PROVIDER_ARN": c.iam.AddIdentityProvider(world.Issuer.URL(), localaws.STSAudience),
	})
	c.roleARN = c.putRole("fluent-bit", c.trust, c.policy)
	n.env["AWS_ROLE_ARN"] = c.roleARN
	if c.roleARN != world.RoleARN {
		n.mapWriter()
	}
	upstream, err := url.Parse(world.OpenSearch.URL)
	if err != nil {
		n.t.Fatal(err)
	}
	c.door = localaws.NewFrontDoor(localaws.FrontDoorOptions{
		IAM: c.iam, Region: at.region, DomainARN: c.domainARN, Collection: at.collection,
		Upstream: upstream, UpstreamCA: world.CA.Pool(),
	})
	return c
}

func (c *cloud) putRole(name string, trust, policy []byte) string {
	c.n.t.Helper()
	arn, err := c.iam.PutRole(name, trust, policy)
	if err != nil {
		c.n.t.Fatal(err)
	}
	return arn
}

// user makes an IAM user with one access key.
func (c *cloud) user(name, policy string) (arn, accessKeyID, secret string) {
	c.n.t.Helper()
	arn, accessKeyID, secret, err := c.iam.AddUser(name, []byte(policy))
	if err != nil {
		c.n.t.Fatal(err)
	}
	return arn, accessKeyID, secret
}

// withoutIRSA takes the variables of EKS's webhook from the pod.
func (c *cloud) withoutIRSA() {
	c.n.env["AWS_ROLE_ARN"], c.n.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = "", ""
}

// podIdentity gives the pod's service account a Pod Identity association, and the pod the variables
// that go with it.
func (c *cloud) podIdentity() {
	c.n.t.Helper()
	agent := localaws.NewPodIdentity(c.sts)
	agent.Associate(namespace, serviceAccount, c.roleARN)
	file := c.n.dir + "/eks-pod-identity-token"
	c.n.mint(file, localaws.ServiceAccountToken{Audience: []string{localaws.PodIdentityAudience}})
	c.n.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = serve(c.n.t, agent, nil).URL() +
		"/v1/credentials"
	c.n.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = file
}

// behindProxy puts STS and the domain behind names of AWS's, which only a proxy knows.
func (c *cloud) behindProxy(stsName, domainName string, change func(*tls.Config)) *localaws.Egress {
	c.n.t.Helper()
	egress := localaws.NewEgress()
	certificates, err := world.CA.ServerTLS(stsName, domainName)
	if err != nil {
		c.n.t.Fatal(err)
	}
	egress.Add(stsName, strings.TrimPrefix(serve(c.n.t, c.sts, certificates).URL(), "https://"))
	certificates = certificates.Clone()
	if change != nil {
		change(certificates)
	}
	egress.Add(domainName, strings.TrimPrefix(serve(c.n.t, c.door, certificates).URL(), "https://"))
	c.n.env["HTTPS_PROXY"] = serve(c.n.t, egress, nil).URL()
	c.n.env["AWS_ENDPOINT_URL_STS"] = ""
	c.n.env["OPENSEARCH_ENDPOINT"] = domainName
	return egress
}

// fill reads one of deploy/iam's documents and fills it in.
func fill(t *testing.T, name string, values map[string]string) []byte {
	t.Helper()
	document, err := localaws.Fill([]byte(mustRead(t, moduleDir+"/deploy/iam/"+name)), values)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// trusting is a transport for servers with a certificate of the world's.
func trusting() *http.Transport {
	return &http.Transport{TLSClientConfig: &tls.Config{RootCAs: world.CA.Pool(),
		MinVersion: tls.VersionTLS12}}
}
