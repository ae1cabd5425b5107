package e2e

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/localaws"
)

const (
	namespace      = "logging"
	serviceAccount = "fluent-bit"
	region         = "eu-central-1"
	rolePrefix     = "arn:aws:iam::123456789012:role/"
)

// ownToken gives the node's pod a token file of its own, with nothing in it yet, and returns its
// path.
func (n *node) ownToken() string {
	path := filepath.Join(n.dir, "token")
	n.env["AWS_WEB_IDENTITY_TOKEN_FILE"] = path
	return path
}

// mint writes a token as the kubelet does, at once and whole.
func (n *node) mint(path string, token localaws.ServiceAccountToken) {
	n.t.Helper()
	token.Namespace, token.ServiceAccount = namespace, serviceAccount
	text, err := world.Issuer.Mint(token)
	if err != nil {
		n.t.Fatal(err)
	}
	clouds.addSecret(text)
	n.replace(path, text)
}

func (n *node) replace(path, text string) {
	n.t.Helper()
	if err := os.WriteFile(path+".new", []byte(text), 0o600); err != nil {
		n.t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		n.t.Fatal(err)
	}
}

// policy reads one of deploy/iam's documents and fills it in for this world.
func policy(t *testing.T, name string) []byte {
	t.Helper()
	values := map[string]string{"OPENSEARCH_ARN": world.DomainARN}
	if name == "trust-policy.json" {
		provider := localaws.IdentityProvider(world.Issuer.URL())
		values = map[string]string{
			"IDENTITY_PROVIDER": provider,
			"NAMESPACE":         "logging", "SERVICE_ACCOUNT": "fluent-bit", "IDENTITY_PROVIDER_ARN": world.IAM.AddIdentityProvider(world.Issuer.URL(), localaws.STSAudience),
		}
	}
	return fill(t, name, values)
}

// ownRole gives the node's pod a role of its own, which has to be made, and returns the role's
// name.
func (n *node) ownRole(name string) string {
	name = fmt.Sprintf("%s-%d", name, serial.Add(1))
	n.env["AWS_ROLE_ARN"] = rolePrefix + name
	return name
}

// roleARN is the role that the node's pod has.
func (n *node) roleARN() string {
	if own := n.env["AWS_ROLE_ARN"]; own != "" {
		return own
	}
	return world.RoleARN
}

// putRole makes a role that the pod's service account may take on, or gives it another policy.
func putRole(t *testing.T, name string, permissions []byte) {
	t.Helper()
	arn, err := world.IAM.PutRole(name, policy(t, "trust-policy.json"), permissions)
	if err != nil || arn != rolePrefix+name {
		t.Fatalf("made %q (%v)", arn, err)
	}
}

// ownDoor gives the node a front door of its own to the same OpenSearch, for tests that make it
// fail.
func (n *node) ownDoor() *localaws.FrontDoor {
	n.t.Helper()
	upstream, err := url.Parse(world.OpenSearch.URL)
	if err != nil {
		n.t.Fatal(err)
	}
	door := localaws.NewFrontDoor(localaws.FrontDoorOptions{
		IAM: world.IAM, Region: region, DomainARN: world.DomainARN, Upstream: upstream,
		UpstreamCA: world.CA.Pool(),
	})
	certificates, err := world.CA.ServerTLS()
	if err != nil {
		n.t.Fatal(err)
	}
	n.env["OPENSEARCH_ENDPOINT"] = serve(n.t, door, certificates).URL()
	return door
}

// serve runs a server until the test ends.
func serve(t *testing.T, handler http.Handler, certificates *tls.Config) *localaws.Server {
	t.Helper()
	server, err := localaws.Serve(handler, certificates)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server
}

// stream writes numbered lines until it is ended, so that something is always under way.
type stream struct {
	n    *node
	stop chan struct{}
	done chan struct{}
	all  atomic.Int64
}

// stream begins to write, about 1,000 lines a second.
func (n *node) stream() *stream {
	s := &stream{n: n, stop: make(chan struct{}), done: make(chan struct{})}
	go func() {
		defer close(s.done)
		tick := time.NewTicker(10 * time.Millisecond)
		defer tick.Stop()
		for {
			if err := n.pods.WriteLines(10); err != nil {
				n.t.Error(err)
				return
			}
			s.all.Add(10)
			select {
			case <-s.stop:
				return
			case <-tick.C:
			}
		}
	}()
	n.t.Cleanup(func() { s.end() })
	return s
}

// written returns how many lines there are so far.
func (s *stream) written() int { return int(s.all.Load()) }

// end stops the writing and returns how many lines there are.
func (s *stream) end() int {
	select {
	case <-s.stop:
	default:
		close(s.stop)
	}
	<-s.done
	return s.written()
}
