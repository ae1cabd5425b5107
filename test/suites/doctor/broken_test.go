package doctor

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/internal/doctor"
	"out_opensearch_irsa/internal/identity"
	"out_opensearch_irsa/test/fixtures/localaws"
)

// breakage breaks one link of a pod in order. The doctor has to find that one, and to say all of
// says about it.
type breakage struct {
	name   string
	breaks func(p *pod)
	link   string
	status doctor.Status // broken if left out
	says   []string      // in its summary and remedy
	skips  string        // a link that then is not checked; "" for none
}

const noSuchHost = "search-logs-abc123.eu-central-1.es.amazonaws.com.invalid"

var breakages = []breakage{
	{name: "no configuration", link: "configuration", says: []string{"cannot read", "-config"},
		breaks: func(p *pod) { p.args = []string{"-config", "/nowhere/fluent-bit.conf"} }},
	{name: "configuration that Fluent Bit refuses", link: "configuration",
		says:   []string{"fluent-bit.conf:3: an option must be indented"},
		breaks: func(p *pod) { p.conf = "[SERVICE]\n\nFlush 1\n"; p.write() }},
	{name: "another output", link: "configuration", says: []string{"no output with Name " +
		"opensearch_irsa", "its outputs are opensearch", "write [OUTPUT]"},
		breaks: func(p *pod) {
			p.conf = strings.Replace(p.conf, " opensearch_irsa\n", " opensearch\n", 1)
			p.write()
		}},
	{name: "variable not set", link: "environment", says: []string{"${INDEX_NAME} in index " +
		"(fluent-bit.conf:", "env"},
		breaks: func(p *pod) { delete(p.env, "INDEX_NAME") }},
	{name: "mistakes in options", link: "options", skips: "token",
		says: []string{`Compress "zip": write gzip or none`,
			`Generate_ID "maybe": write On or Off`},
		breaks: func(p *pod) {
			p.without("Compress")
			p.output("Compress zip",
				"Generate_ID maybe")
		}},
	{name: "TLS On", link: "around.tls",
		says:   []string{"keeps Fluent Bit from starting", "TLS_CA_File"},
		breaks: func(p *pod) { p.output("TLS On") }},
	{name: "nothing around it", link: "around.workers", status: doctor.Warning,
		says:   []string{"engine's own thread", "Workers 16"},
		breaks: func(p *pod) { p.without("Workers", "Retry_Limit", "Grace", "storage.type") }},

	{name: "no role", link: "token", skips: "answer",
		says: []string{"no AWS credentials", "AWS_WEB_IDENTITY_TOKEN_FILE",
			"eks.amazonaws.com/role-arn", "delete the pod"},
		breaks: func(p *pod) {
			delete(p.env, "AWS_ROLE_ARN")
			delete(p.env,
				"AWS_WEB_IDENTITY_TOKEN_FILE")
		}},
	{name: "token missing", link: "token", skips: "trust",
		says: []string{"cannot read the token file", "no such file", "delete the pod"},
		breaks: func(p *pod) {
			p.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = filepath.Join(p.dir,
				"none")
		}},
	{name: "token garbage", link: "token", skips: "trust",
		says: []string{"holds no service account's token", "mount nothing over"},
		breaks: func(p *pod) {
			if err := os.WriteFile(p.mint(localaws.ServiceAccountToken{}), []byte("x.y.z"),
				0o600); err != nil {
				p.t.Fatal(err)
			}
		}},
	{name: "token expired", link: "token",
		says: []string{"expired 60 min ago", "system:serviceaccount:logging:fluent-bit", "kubelet"},
		breaks: func(p *pod) {
			p.mint(localaws.ServiceAccountToken{IssuedAt: time.Now().Add(-2 * time.Hour),
				Lifetime: time.Hour})
		}},
	{name: "audience wrong", link: "token", status: doctor.Warning,
		says: []string{"for vault", "AWS's own audience is sts.amazonaws.com",
			"eks.amazonaws.com/audience"},
		breaks: func(p *pod) { p.mint(localaws.ServiceAccountToken{Audience: []string{"vault"}}) }},
	{name: "audience wrong, and STS says so", link: "trust", skips: "answer",
		says:   []string{"InvalidIdentityToken: Incorrect token audience", "identity provider"},
		breaks: func(p *pod) { p.mint(localaws.ServiceAccountToken{Audience: []string{"vault"}}) }},
	{name: "subject not trusted", link: "trust", skips: "signature",
		says: []string{"AccessDenied", "trust policy",
			`sub "system:serviceaccount:kube-system:fluent-bit"`},
		breaks: func(p *pod) { p.mint(localaws.ServiceAccountToken{Namespace: "kube-system"}) }},
	{name: "STS unreachable", link: "trust",
		says: []string{"STS cannot be reached", "interface endpoint"},
		breaks: func(p *pod) {
			server := serve(p.t, world.STS, nil)
			p.env["AWS_ENDPOINT_URL_STS"] = server.URL()
			if err := server.Down(); err != nil {
				p.t.Fatal(err)
			}
		}},
	{name: "chained role not there", link: "role", skips: "answer",
		says: []string{"AssumeRole for role arn:aws:iam::210987654321:role/logs", "AccessDenied",
			"AWS_External_ID"},
		breaks: func(p *pod) { p.output("AWS_Role_ARN arn:aws:iam::210987654321:role/logs") }},

	{name: "no such name", link: "dns", skips: "tls", says: []string{noSuchHost, "check Endpoint"},
		breaks: func(p *pod) { p.env["OPENSEARCH_ENDPOINT"] = noSuchHost }},
	{name: "connection refused", link: "tcp", skips: "tls",
		says: []string{"connection refused", "host and port of Endpoint"},
		breaks: func(p *pod) {
			server := serve(p.t, world.FrontDoor, world.CA)
			p.env["OPENSEARCH_ENDPOINT"] = server.URL()
			if err := server.Down(); err != nil {
				p.t.Fatal(err)
			}
		}},
	{name: "certificate of another name", link: "tls", skips: "answer",
		says: []string{"is for localhost, 127.0.0.1", "not for search.example.com",
			"TLS_Server_Name"},
		breaks: func(p *pod) { p.output("TLS_Server_Name search.example.com") }},
	{name: "authority unknown", link: "tls", skips: "answer",
		says: []string{`by "out_opensearch_irsa test CA", an authority that is not known`,
			"TLS_CA_File"},
		breaks: func(p *pod) {
			stranger, err := localaws.NewCA()
			if err != nil {
				p.t.Fatal(err)
			}
			p.env["OPENSEARCH_ENDPOINT"] = serve(p.t, world.FrontDoor, stranger).URL()
		}},
	{name: "no TLS there", link: "tls", skips: "answer", says: []string{"first record does not " +
		"look like a TLS handshake", "right scheme and port"},
		breaks: func(p *pod) {
			p.env["OPENSEARCH_ENDPOINT"] = strings.Replace(serve(p.t, world.FrontDoor, nil).URL(),
				"http:", "https:", 1)
		}},

	{name: "no OpenSearch there", link: "answer", skips: "signature",
		says: []string{"404", "check Endpoint and Path"},
		breaks: func(p *pod) {
			p.env["OPENSEARCH_ENDPOINT"] = serve(p.t, http.NotFoundHandler(),
				world.CA).URL()
		}},
	{name: "domain down", link: "answer", skips: "signature", says: []string{"503"},
		breaks: func(p *pod) { p.ownDoor().SetOutage(true) }},
	{name: "region wrong", link: "signature", skips: "access",
		says: []string{"403", "Credential should be scoped to a valid region",
			"set AWS_Region to the domain's region"},
		breaks: func(p *pod) { p.output("AWS_Region us-west-2") }},
	{name: "credentials revoked on the way", link: "signature", skips: "access",
		says: []string{"security token included in the request is invalid", "ROLE"},
		breaks: func(p *pod) {
			elsewhere := localaws.NewIAM("123456789012")
			door := localaws.NewFrontDoor(localaws.FrontDoorOptions{IAM: elsewhere, Region: region,
				DomainARN: world.DomainARN})
			p.env["OPENSEARCH_ENDPOINT"] = serve(p.t, door, world.CA).URL()
		}},
	{name: "clock wrong", link: "clock",
		says:   []string{"behind the domain's", "a signature was refused for it", "chrony"},
		breaks: func(p *pod) { p.ownDoor().SetClockOffset(10 * time.Minute) }},
	{name: "clock a little wrong", link: "clock", status: doctor.Warning,
		says:   []string{"this node's clock is 2 min ahead of the domain's", "chrony"},
		breaks: func(p *pod) { p.ownDoor().SetClockOffset(-2 * time.Minute) }},
	{name: "IAM policy lacks ESHttpPost", link: "access", skips: "index",
		says: []string{"is not authorized to perform: es:ESHttpPost because no identity-based policy allows", "ROLE"},
		breaks: func(p *pod) {
			p.ownRole("reader", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"es:ESHttpGet","Resource":"*"}}`)
		}},
	{name: "not signed", link: "access", skips: "index",
		says:   []string{"User: anonymous is not authorized", "set AWS_Auth On"},
		breaks: func(p *pod) { p.output("AWS_Auth Off") }},
	{name: "role not mapped", link: "security_role", skips: "index",
		says: []string{"no permissions for [indices:data/write/bulk]", "rolesmapping",
			`{"backend_roles":["ROLE"]}`},
		breaks: func(p *pod) { mapNobody(p.t) }},
	{name: "index not permitted", link: "index", skips: "canary",
		says: []string{"the role lacks indices:admin/create on elsewhere",
			"or write another Index"},
		breaks: func(p *pod) { p.env["INDEX_NAME"] = "elsewhere" }},
	{name: "index there and not permitted", link: "index", skips: "canary",
		says: []string{"the role lacks indices:data/write/bulk[s], indices:data/write/index on other-logs"},
		breaks: func(p *pod) {
			p.env["INDEX_NAME"] = "other-logs"
			admin(p.t, "PUT", "/"+p.index(), "")
		}},
	{name: "index blocked", link: "index", skips: "canary",
		says: []string{"cluster_block_exception", "free disk space"},
		breaks: func(p *pod) {
			p.store(0)
			admin(p.t, "PUT", "/"+p.index()+"/_settings", `{"index.blocks.write":true}`)
		}},
	{name: "dead letters not permitted", link: "dead_letters",
		says: []string{"the role lacks indices:admin/create on rejected",
			"another Dead_Letter_Index"},
		breaks: func(p *pod) { p.output("Dead_Letter_Index rejected") }},
	{name: "no folder for dead letters", link: "dead_letters",
		says:   []string{"no folder /nowhere", "Dead_Letter_Path"},
		breaks: func(p *pod) { p.output("Dead_Letter_Path /nowhere/dead.jsonl") }},
	{name: "time field is text", link: "time_field", skips: "arrival",
		says: []string{"@timestamp is no date in ", "(text)", "index template", "reindex"},
		breaks: func(p *pod) {
			letRead(p.t)
			admin(p.t, "PUT", "/"+p.index(),
				`{"mappings":{"properties":{"@timestamp":{"type":"text"}}}}`)
		}},
	{name: "no data", link: "arrival",
		says: []string{"there is no document in", "look at the log of the Fluent Bit pods",
			"Match"},
		breaks: func(p *pod) { letRead(p.t) }},
	{name: "data ended", link: "arrival", says: []string{"the newest of 1 documents", "is 3 h old"},
		breaks: func(p *pod) { letRead(p.t); p.store(3*time.Hour + time.Minute) }},
}

// TestBrokenLinks breaks each link.
func TestBrokenLinks(t *testing.T) {
	for _, b := range breakages {
		t.Run(b.name, func(t *testing.T) {
			p := newPod(t)
			b.breaks(p)
			code, r := p.examine()
			c := find(t, r, b.link)
			want := b.status
			if want == "" {
				want = doctor.Broken
			}
			if c.Status != want || (code == 1) != (r.Result == doctor.Broken) ||
				want == doctor.Broken && code != 1 {
				t.Errorf("%s is %s and the exit status %d, want %s", b.link, c.Status, code, want)
			}
			for _, words := range b.says {
				if words = strings.ReplaceAll(words, "ROLE",
					p.env["AWS_ROLE_ARN"]); !strings.Contains(c.Summary+" → "+c.Remedy, words) {
					t.Errorf("it does not say %q", words)
				}
			}
			if b.skips != "" {
				if c := find(t, r, b.skips); c.Status != doctor.Skipped ||
					!strings.HasPrefix(c.Summary, "not checked: ") {
					t.Errorf("%s was checked although %s is broken: %s, %s", b.skips, b.link,
						c.Status, c.Summary)
				}
			}
			if want == doctor.Broken {
				onlyBroken(t, r, b.link)
			}
			if t.Failed() {
				t.Log(show(r))
			}
		})
	}
}

// onlyBroken fails if a link that comes before is broken too: the report has to point at the cause.
// What an unset variable does to the options, and an expired token to STS, is that cause's doing.
func onlyBroken(t *testing.T, r doctor.Report, link string) {
	t.Helper()
	for _, c := range r.Checks {
		if c.ID == link {
			return
		}
		if c.Status == doctor.Broken {
			t.Errorf("%s is broken before %s", c.ID, link)
		}
	}
}

// TestPodIdentity runs where the role comes by EKS Pod Identity.
func TestPodIdentity(t *testing.T) {
	p := newPod(t)
	p.store(0)
	env := func(name string) string { return p.env[name] }
	id, err := identity.New(identity.Options{Region: region, Getenv: env})
	if err != nil {
		t.Fatal(err)
	}
	defer id.Close()
	creds, err := id.Credentials(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	agent := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"AccessKeyId":"` + creds.AccessKeyID + `","SecretAccessKey":"` +
			creds.SecretAccessKey + `","Token":"` + creds.SessionToken +
			`","Expiration":"` + creds.Expires.UTC().Format(time.RFC3339) + `"}`))
	}))
	defer agent.Close()
	p.env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = p.mint(localaws.ServiceAccountToken{Audience: []string{"pods.eks.amazonaws.com"}})
	p.env["AWS_CONTAINER_CREDENTIALS_FULL_URI"] = agent.URL
	delete(p.env, "AWS_ROLE_ARN")
	delete(p.env, "AWS_WEB_IDENTITY_TOKEN_FILE")
	code, r := p.examine()
	token, trust, who := find(t, r, "token"), find(t, r, "trust"), find(t, r, "identity")
	if code != 0 || token.Status != doctor.OK ||
		!strings.Contains(token.Summary, "pods.eks.amazonaws.com") ||
		!strings.Contains(trust.Summary, "EKS Pod Identity") ||
		!strings.Contains(who.Summary, "assumed-role/fluent-bit/") {
		t.Errorf("exit status %d\n%s", code, show(r))
	}
	agent.Close()
	_, r = p.examine("-timeout", "2s")
	if c := find(t, r, "trust"); c.Status != doctor.Broken ||
		!strings.Contains(c.Remedy, "eks-pod-identity-agent") {
		t.Errorf("without an agent\n%s", show(r))
	}
}

// TestUser runs with a user of the domain's own instead of a role.
func TestUser(t *testing.T) {
	p := newPod(t)
	admin(t, "PUT", "/_plugins/_security/api/internalusers/shipper",
		`{"password":"s3cret-passw0rd-4711","opendistro_security_roles":["log_writer"]}`)
	p.env["OPENSEARCH_ENDPOINT"] = world.OpenSearch.URL
	p.output("AWS_Auth Off", "HTTP_User shipper", "HTTP_Passwd s3cret-passw0rd-4711")
	code, r := p.examine("--write")
	if c := find(t, r, "signature"); code != 0 || c.Status != doctor.OK ||
		find(t, r, "token").Status != doctor.Skipped || find(t, r, "canary").Status != doctor.OK {
		t.Errorf("exit status %d\n%s", code, show(r))
	}
	code, r = p.examine("-o", "HTTP_Passwd=s3cret-passw0rd-wrong")
	if c := find(t, r, "signature"); code != 1 || c.Status != doctor.Broken ||
		!strings.Contains(c.Remedy, "check HTTP_User and HTTP_Passwd") {
		t.Errorf("with a wrong password: exit status %d\n%s", code, show(r))
	}
}

const collectionARN = "arn:aws:aoss:" + region + ":123456789012:collection/abc123"

// collection gives the pod an endpoint of OpenSearch Serverless, and a role for it.
func (p *pod) collection(kind localaws.Collection) *localaws.FrontDoor {
	p.ownRole("collection-"+strings.ToLower(string(kind)),
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"aoss:APIAccessAll","Resource":"`+collectionARN+`"}}`)
	letRead(p.t, p.env["AWS_ROLE_ARN"])
	p.output("AWS_Service_Name aoss")
	return p.door(localaws.FrontDoorOptions{DomainARN: collectionARN, Collection: kind})
}

// TestServerless runs with a collection, of which nothing may be asked that collections lack.
func TestServerless(t *testing.T) {
	for kind, canary := range map[localaws.Collection]string{
		localaws.Search: "deleted", localaws.TimeSeries: "and left there: a collection of time " +
			"series deletes no document",
	} {
		t.Run(string(kind), func(t *testing.T) {
			p := newPod(t)
			door := p.collection(kind)
			code, r := p.examine()
			if code != 1 || find(t, r, "signature").Status != doctor.OK ||
				find(t, r, "security_role").Status != doctor.Skipped ||
				find(t, r, "index").Status != doctor.OK ||
				!strings.Contains(find(t, r, "index").Summary, "only --write shows") {
				t.Errorf("exit status %d\n%s", code, show(r))
			}
			if c := find(t, r, "arrival"); c.Status != doctor.Broken ||
				!strings.Contains(c.Summary, "there is no document") {
				t.Errorf("without data\n%s", show(r))
			}
			if kind == localaws.TimeSeries {
				if _, r = p.examine("--write"); !strings.Contains(find(t, r, "canary").Summary,
					"nothing was stored: a collection of time series deletes no document") {
					t.Errorf("without --keep\n%s", show(r))
				}
			}
			code, r = p.examine("--write", "--keep")
			if c := find(t, r, "canary"); c.Status != doctor.OK ||
				!strings.Contains(c.Summary, "found after") ||
				!strings.HasSuffix(c.Summary, canary) {
				t.Errorf("exit status %d\n%s", code, show(r))
			}
			if n := door.Stats().Statuses[http.StatusNotFound]; n > 2 { // of an index that is not there
				t.Errorf("%d requests are none that a collection knows", n)
			}
			p.store(0)
			code, r = p.examine()
			if code != 0 || find(t, r, "time_field").Status != doctor.OK ||
				find(t, r, "arrival").Status != doctor.OK {
				t.Errorf("with data: exit status %d\n%s", code, show(r))
			}
			door.SetDataAccess()
			code, r = p.examine()
			if c := find(t, r, "access"); code != 1 || c.Status != doctor.Broken ||
				!strings.Contains(c.Remedy, "data access policy") ||
				find(t, r, "index").BlockedBy != "access" {
				t.Errorf("without data access: exit status %d\n%s", code, show(r))
			}
		})
	}
}

// TestWaitsForTheMapping starts the doctor while nobody has mapped the role yet, as its Job does
// beside the bootstrap's.
func TestWaitsForTheMapping(t *testing.T) {
	p := newPod(t)
	mapNobody(t)
	mapped := make(chan error, 1)
	var out bytes.Buffer
	told := writerFunc(func(b []byte) (int, error) {
		if bytes.Contains(b, []byte("security role is broken: looking again")) {
			mapped <- world.OpenSearch.MapWriter(t.Context(), world.RoleARN)
		}
		return len(b), nil
	})
	args := append([]string{"-config", filepath.Join(p.dir, "fluent-bit.conf"), "-wait", "1m"},
		p.args...)
	code := doctor.Run(t.Context(), args, &out, told,
		func(name string) string { return p.env[name] })
	select {
	case err := <-mapped:
		if err != nil {
			t.Fatal(err)
		}
	default:
		t.Fatalf("it does not wait for the mapping:\n%s", &out)
	}
	if strings.Contains(out.String(), "✗ security role") {
		t.Errorf("exit status %d:\n%s", code, &out)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(b []byte) (int, error) { return f(b) }
