package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/ports"
)

// TestIdentityExpiredToken ends the life of the credentials at the domain while lines flow: they
// are renewed once for all workers and the same requests are sent again at once, so that no chunk
// goes back to the core.
func TestIdentityExpiredToken(t *testing.T) {
	for _, v := range versions() {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, v)
			c := n.ownCloud(place{})
			port := ports.For(t)
			n.config = shipped(t, set{"OUTPUT", "Metrics_Listen", "127.0.0.1:" + port})
			a := n.start()
			lines := n.stream()
			waitCount(t, n.index, 500)
			before, first := c.sts.Requests(), c.door.Stats().LastAccessKey
			c.iam.ExpireSessions()
			a.wait(`403 Forbidden to role ` + c.roleARN +
				`: .*The security token included in the request is expired.*: sending again at once`)
			eventually(t, func() error {
				if now := c.door.Stats().LastAccessKey; now == first {
					return fmt.Errorf("the domain still sees %s", now)
				}
				return nil
			})
			if calls := c.sts.Requests() - before; calls != 1 {
				t.Errorf("%d calls of STS, not one", calls)
			}
			showMetrics(t, port)
			written := lines.end()
			waitCount(t, n.index, written)
			a.stop()
			checkLines(t, n.index, written)
			checkNothingKept(t, a)
		})
	}
}

// checkNothingKept fails if a flush failed.
func checkNothingKept(t *testing.T, a *agent) {
	t.Helper()
	if times := a.count(kept); times > 0 || len(a.ours("error")) > 0 {
		t.Errorf("%d chunks went back to the core: %q", times, a.ours("error"))
	}
}

// showMetrics adds what Prometheus would see to what may hold no secret.
func showMetrics(t *testing.T, port string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		"http://127.0.0.1:"+port+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(text), "credentials_expiry_timestamp_seconds") {
		t.Errorf("metrics: %.200s (%v)", text, err)
	}
	_, _ = said.Write(text)
}

// TestIdentityRenewal has STS fail when the credentials are to be renewed, and the kubelet replace
// the token meanwhile: deliveries go on with the credentials that still live, and the next ones
// come with the new token.
func TestIdentityRenewal(t *testing.T) {
	t.Parallel()
	n := newNode(t, newest())
	c := n.ownCloud(place{})
	c.sts.SetLifetime(40 * time.Second)
	token := n.ownToken()
	n.mint(token, localaws.ServiceAccountToken{Pod: "fluent-bit-old"})
	a := n.start()
	lines := n.stream()
	waitCount(t, n.index, 100)
	c.sts.SetOutage(true)
	before := c.sts.Requests()
	n.mint(token, localaws.ServiceAccountToken{Pod: "fluent-bit-new"})
	eventually(t, func() error {
		if c.sts.Requests() == before {
			return fmt.Errorf("STS was not asked for new credentials")
		}
		return nil
	})
	now := count(t, n.index)
	waitCount(t, n.index, now+100)
	if caller := c.door.Stats().LastCaller; !strings.HasSuffix(caller, "/fluent-bit-old@node-1") {
		t.Errorf("the domain saw %s", caller)
	}
	c.sts.SetOutage(false)
	eventually(t, func() error {
		if caller := c.door.Stats().LastCaller; !strings.HasSuffix(caller,
			"/fluent-bit-new@node-1") {
			return fmt.Errorf("the domain sees %s", caller)
		}
		return nil
	})
	written := lines.end()
	waitCount(t, n.index, written)
	a.stop()
	checkLines(t, n.index, written)
	checkNothingKept(t, a)
	if seen := c.door.Stats().Statuses; seen[403] > 0 {
		t.Errorf("answers of the domain: %v", seen)
	}
}

// TestIdentityClockSkew has the node's clock 20 minutes behind AWS's. STS's answer tells by how
// much, and no request is refused; where STS's clock is no help, the domain's own refusal does, and
// the request is sent again at once.
func TestIdentityClockSkew(t *testing.T) {
	for _, c := range []struct {
		name        string
		sts, domain time.Duration
		refused     bool
	}{
		{"STS and the domain ahead", 20 * time.Minute, 20 * time.Minute, false},
		{"STS and the domain behind", -20 * time.Minute, -20 * time.Minute, false},
		{"only the domain ahead", 0, 20 * time.Minute, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, newest())
			cloud := n.ownCloud(place{})
			cloud.sts.SetClockOffset(c.sts)
			cloud.door.SetClockOffset(c.domain)
			n.mint(n.ownToken(), localaws.ServiceAccountToken{IssuedAt: time.Now().Add(c.sts)}) // by AWS's clock, as the kubelet's is
			a := n.start()
			n.write(100)
			expectLines(t, n.index, 100)
			a.stop()
			checkNothingKept(t, a)
			seen, warned := cloud.door.Stats().Statuses, a.ours("warn")
			if (seen[403] > 0) != c.refused || len(warned) != seen[403] {
				t.Errorf("answers of the domain: %v; warnings: %q", seen, warned)
			}
			for _, part := range []string{"to role " +
				cloud.roleARN, "Signature expired: ", "is now earlier than", "set the node's clock", "sending again at once"} {
				if len(warned) > 0 && !strings.Contains(warned[0], part) {
					t.Errorf("the log does not say %q: %s", part, warned[0])
				}
			}
		})
	}
}
