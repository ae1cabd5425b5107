package e2e

import (
	"crypto/tls"
	"net/http/httputil"
	"net/url"
	"os"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/localaws"
)

// TestIdentitySymptoms is TestSymptoms for what stands between the pod's service account and the
// domain's taking its word: every 403 that there is, and every way of having no credentials.
func TestIdentitySymptoms(t *testing.T) { bringAbout(t, identityTroubles) }

var identityTroubles = []trouble{
	{
		name: "token file missing",
		begin: func(n *node) func() {
			token := n.ownToken()
			return func() { n.mint(token, localaws.ServiceAccountToken{}) }
		},
		says: []string{"cannot read the token file", "/token", "no such file",
			"eks.amazonaws.com/role-arn", "delete the pod"},
	},
	{
		// A directory in its place is unreadable for root too, as whom containers mostly run.
		name: "token file unreadable",
		begin: func(n *node) func() {
			token := n.ownToken()
			if err := os.Mkdir(token, 0o700); err != nil {
				n.t.Fatal(err)
			}
			return func() {
				if err := os.Remove(token); err != nil {
					n.t.Error(err)
				}
				n.mint(token, localaws.ServiceAccountToken{})
			}
		},
		says: []string{"cannot read the token file", "/token", "is a directory",
			"mount nothing over the directory"},
	},
	{
		name: "token file garbage",
		begin: func(n *node) func() {
			token := n.ownToken()
			n.replace(token, "not a token")
			return func() { n.mint(token, localaws.ServiceAccountToken{}) }
		},
		says: []string{"AssumeRoleWithWebIdentity for role ROLE", "InvalidIdentityToken",
			"not a valid JWT", "the file that AWS_WEB_IDENTITY_TOKEN_FILE names holds no service account's token", "delete the pod"},
	},
	{
		name: "token expired",
		begin: func(n *node) func() {
			token := n.ownToken()
			n.mint(token, localaws.ServiceAccountToken{IssuedAt: time.Now().Add(-2 * time.Hour),
				Lifetime: time.Hour})
			return func() { n.mint(token, localaws.ServiceAccountToken{}) }
		},
		says: []string{"AssumeRoleWithWebIdentity for role ROLE", "ExpiredTokenException",
			"the kubelet renews the token file", "projected volume"},
	},
	{
		name: "role unknown",
		begin: func(n *node) func() {
			name := n.ownRole("not-made-yet")
			return func() {
				putRole(n.t, name, policy(n.t, "policy.json"))
				n.mapWriter()
			}
		},
		says: []string{"AssumeRoleWithWebIdentity for role ROLE", "AccessDenied", "check that role",
			"exists",
			"trust policy", `sub "system:serviceaccount:logging:fluent-bit"`, `aud "sts.amazonaws.com"`},
	},
	{
		name: "audience wrong",
		begin: func(n *node) func() {
			token := n.ownToken()
			n.mint(token, localaws.ServiceAccountToken{Audience: []string{"https://kubernetes.default.svc"}})
			return func() { n.mint(token, localaws.ServiceAccountToken{}) }
		},
		says: []string{"role ROLE", "Incorrect token audience", "audience sts.amazonaws.com",
			`aud is "https://kubernetes.default.svc"`},
	},
	{
		name: "STS unreachable",
		begin: func(n *node) func() {
			server := serve(n.t, world.STS, nil)
			n.env["AWS_ENDPOINT_URL_STS"] = server.URL()
			if err := server.Down(); err != nil {
				n.t.Fatal(err)
			}
			return func() {
				if err := server.Up(); err != nil {
					n.t.Error(err)
				}
			}
		},
		says: []string{"role ROLE", "STS cannot be reached", "connection refused",
			"interface endpoint", "AWS_STS_Endpoint"},
	},
	{
		name: "region wrong",
		begin: func(n *node) func() {
			n.env["AWS_REGION"] = "us-west-2"
			return func() { delete(n.env, "AWS_REGION") }
		},
		says: []string{"403", "Credential should be scoped to a valid region",
			"set AWS_Region to the domain's region"},
		restart: true,
	},
	{
		name: "IAM policy missing",
		begin: func(n *node) func() {
			name := n.ownRole("without-policy")
			putRole(n.t, name, []byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}`))
			n.mapWriter()
			return func() { putRole(n.t, name, policy(n.t, "policy.json")) }
		},
		says: []string{"403", "is not authorized to perform: es:ESHttpPost because no " +
			"identity-based policy allows", "allow es:ESHttpPost on the domain's ARN",
			"IAM role ROLE"},
	},
	{
		name: "role not mapped",
		begin: func(n *node) func() {
			putRole(n.t, n.ownRole("not-mapped"), policy(n.t, "policy.json"))
			return n.mapWriter
		},
		says: []string{"security_exception", "no permissions for [indices:",
			"as the domain's master user", "_plugins/_security/api/rolesmapping/",
			`{"backend_roles":["ROLE"]}`, "indices:data/write/bulk*"},
	},
	{
		name: "signature mismatch",
		begin: func(n *node) func() {
			n.ownCloud(place{})
			upstream, err := url.Parse(n.env["OPENSEARCH_ENDPOINT"])
			if err != nil {
				n.t.Fatal(err)
			}
			// A proxy on the way that means well: it changes a header that is signed.
			proxy := &httputil.ReverseProxy{Transport: trusting(),
				Rewrite: func(r *httputil.ProxyRequest) {
					r.SetURL(upstream)
					r.Out.Host = r.In.Host
					r.Out.Header.Set("Content-Type", "application/json")
				}}
			certificates, err := world.CA.ServerTLS()
			if err != nil {
				n.t.Fatal(err)
			}
			n.env["OPENSEARCH_ENDPOINT"] = serve(n.t, proxy, certificates).URL()
			return func() { n.env["OPENSEARCH_ENDPOINT"] = upstream.String() }
		},
		says: []string{"403 Forbidden to role ROLE", "The request signature we calculated " +
			"does not match", "something on the way changes the request", "Endpoint"},
		restart: true,
	},
	{
		name: "policy denies explicitly",
		begin: func(n *node) func() {
			c := n.ownCloud(place{})
			c.putRole("fluent-bit", c.trust,
				[]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"es:*","Resource":"*"},{"Effect":"Allow","Action":"es:*","Resource":"*"}]}`))
			return func() { c.putRole("fluent-bit", c.trust, c.policy) }
		},
		says: []string{"403 Forbidden to role ROLE", "with an explicit deny in an " +
			"identity-based policy", "out of the policy that denies it to IAM role ROLE", "permissions boundary"},
	},
	{
		name: "domain access policy",
		begin: func(n *node) func() {
			c := n.ownCloud(place{})
			if err := c.door.SetAccessPolicy([]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"es:ESHttpPost","Resource":"*"}}`)); err != nil {
				n.t.Fatal(err)
			}
			return func() {
				if err := c.door.SetAccessPolicy(nil); err != nil {
					n.t.Error(err)
				}
			}
		},
		says: []string{"403 Forbidden to role ROLE", "with an explicit deny in a " +
			"resource-based policy", "denies es:ESHttpPost to principal ROLE", "domain's access policy"},
	},
	{
		name: "nobody signed",
		begin: func(n *node) func() {
			n.ownCloud(place{})
			n.config = shipped(n.t, append(impatient, set{"OUTPUT", "AWS_Auth", "Off"})...)
			return func() { n.config = shipped(n.t, impatient...) }
		},
		says: []string{"403 Forbidden", "User: anonymous is not authorized to perform: " +
			"es:ESHttpPost", "set AWS_Auth On"},
		restart: true,
	},
	{
		name: "throttled with 403",
		begin: func(n *node) func() {
			c := n.ownCloud(place{})
			c.door.SetThrottle(localaws.Throttle403)
			return func() { c.door.SetThrottle(localaws.ThrottleOff) }
		},
		says: []string{"403 Forbidden to role ROLE", "Rate exceeded", "too small for the load",
			"add data nodes or vCPU", "refresh_interval"},
	},
	{
		name: "blocked index",
		begin: func(n *node) func() {
			block := func(value string) {
				admin(n.t, "PUT", "/"+n.index+"/_settings", `{"index.blocks.write":`+value+`}`)
			}
			n.index = n.name // which is there before the first document
			n.config = shipped(n.t, append(impatient, set{"OUTPUT", "Index", "${INDEX_NAME}"})...)
			admin(n.t, "PUT", "/"+n.index, "")
			block("true")
			return func() { block("null") }
		},
		says: []string{"index INDEX does not take documents now", "cluster_block_exception",
			"FORBIDDEN/8/index write", "_settings", `"index.blocks.write":null`},
	},
	{
		// The credentials are of another account's STS, so the domain's knows nothing of them.
		name: "token invalid",
		begin: func(n *node) func() {
			c := n.ownCloud(place{})
			right := n.env["AWS_ENDPOINT_URL_STS"]
			n.env["AWS_ENDPOINT_URL_STS"] = serve(n.t, n.newCloud(place{}).sts, nil).URL()
			n.env["AWS_ROLE_ARN"] = c.roleARN
			return func() { n.env["AWS_ENDPOINT_URL_STS"] = right }
		},
		says: []string{"403 Forbidden to role ROLE", "The security token included in the " +
			"request is invalid", "the same partition", "role was not deleted"},
		restart: true,
		renews:  true,
	},
	{
		name: "Serverless data access policy",
		begin: func(n *node) func() {
			c := n.ownCloud(place{"aws", region, localaws.Search})
			n.config = shipped(n.t, append(impatient, set{"OUTPUT", "AWS_Service_Name", "aoss"})...)
			c.door.SetDataAccess("arn:aws:iam::123456789012:role/admin")
			return func() { c.door.SetDataAccess(c.roleARN) }
		},
		says: []string{"403 Forbidden to role ROLE", "User does not have permissions for the " +
			"requested resource", "add principal ROLE to a data access policy", "aoss:WriteDocument"},
	},
	{
		name: "Serverless IAM policy",
		begin: func(n *node) func() {
			c := n.ownCloud(place{"aws", region, localaws.Search})
			n.config = shipped(n.t, append(impatient, set{"OUTPUT", "AWS_Service_Name", "aoss"})...)
			c.putRole("fluent-bit", c.trust,
				[]byte(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"es:*","Resource":"*"}}`))
			return func() { c.putRole("fluent-bit", c.trust, c.policy) }
		},
		says: []string{"403 Forbidden to role ROLE", "is not authorized to perform: " +
			"aoss:APIAccessAll", "allow aoss:APIAccessAll on the collection's ARN in a policy of " +
			"IAM role ROLE"},
	},
	{
		name: "TLS 1.1 only",
		begin: func(n *node) func() {
			c := n.ownCloud(place{})
			certificates, err := world.CA.ServerTLS()
			if err != nil {
				n.t.Fatal(err)
			}
			good := n.env["OPENSEARCH_ENDPOINT"]
			certificates.MinVersion, certificates.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
			n.env["OPENSEARCH_ENDPOINT"] = serve(n.t, c.door, certificates).URL()
			return func() { n.env["OPENSEARCH_ENDPOINT"] = good }
		},
		says:    []string{"protocol version", "the TLS handshake failed"},
		restart: true,
	},
}
