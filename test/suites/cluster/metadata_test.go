package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// within is how soon an annotation has to be seen that is added later: the filter looks into the
// files again after a minute.
const within = 80 * time.Second

// TestOptOut leaves out pods and namespaces that ask for it, before their first line and later.
func TestOptOut(t *testing.T) {
	c := newCluster(t)
	if c.host.TestHost {
		t.Skip("fbhost runs no filters")
	}
	c.install()
	out := map[string]string{"fluentbit.io/exclude": "true"}
	c.must(c.runAnnotatedPod(c.ctx, "shop", "noisy", out, "-lines", "100", "-word", "optedout"))
	c.namespaces("private", "later")
	c.kubectl("annotate", "namespace", "private", "fluentbit.io/exclude=true", "--overwrite")
	c.must(c.runPod(c.ctx, "private", "web", "-lines", "100", "-word", "optedout"))
	for _, in := range []string{"shop", "later"} {
		c.must(c.runPod(c.ctx, in, "changes", "-lines", "10000", "-rate", "20", "-word",
			"outlater"+in))
	}
	c.must(c.runPod(c.ctx, "shop", "stays", "-lines", "100", "-word", "notoptedout"))
	c.exactlyOnce("notoptedout", 100)
	if n, err := c.count(c.ctx, word("optedout")); err != nil || n > 0 {
		t.Errorf("%d lines of pods that opted out are in the index: %v", n, err)
	}
	for _, in := range []string{"shop", "later"} {
		c.must(c.await(c.ctx, word("outlater"+in), 20))
	}
	c.kubectl("-n", "shop", "annotate", "pod", "changes", "fluentbit.io/exclude=true")
	c.kubectl("annotate", "namespace", "later", "fluentbit.io/exclude=true")
	began := time.Now()
	for _, in := range []string{"shop", "later"} {
		c.must(poll(c.ctx, time.Second, func() error {
			before, err := c.count(c.ctx, word("outlater"+in))
			if err != nil {
				return err
			}
			time.Sleep(5 * time.Second)
			if after, err := c.count(c.ctx, word("outlater"+in)); err != nil || after > before {
				return errors.Join(err, errors.New("lines still come"))
			}
			return nil
		}))
		t.Logf("what was annotated in namespace %s is out after %.0f s", in,
			time.Since(began).Seconds())
		if took := time.Since(began); took > within+10*time.Second {
			t.Errorf("the annotation in namespace %s was seen after %s", in, took)
		}
	}
	c.kubectl("-n", "shop", "delete", "pod", "changes", "--force", "--grace-period=0")
	c.kubectl("delete", "namespace", "private", "later", "--wait=false")
}

// TestAPIServerAway has packets to the API server vanish for all but the node itself, so that pods
// go on coming, and the agent start again meanwhile, without DNS. Lines go on at pace, who opted
// out stays out, and pods of which nothing can be known wait.
func TestAPIServerAway(t *testing.T) {
	c := newCluster(t)
	if c.host.TestHost {
		t.Skip("fbhost runs no filters, and asks nobody")
	}
	p := c.install()
	const lines, rate = 4_000, 50
	out := map[string]string{"fluentbit.io/exclude": "true"}
	c.must(c.runPod(c.ctx, "shop", "known", "-lines", fmt.Sprint(lines), "-rate", fmt.Sprint(rate),
		"-word", "apiaway"))
	c.must(c.runAnnotatedPod(c.ctx, "shop", "silent", out, "-lines", fmt.Sprint(lines), "-rate",
		fmt.Sprint(rate), "-word", "apisilent"))
	c.must(c.await(c.ctx, word("apiaway"), 100))
	cut := func(how string) error {
		pods := "10.88.1.1-10.88.255.254"
		for _, rule := range []string{"INPUT -p tcp --dport 6443 -m iprange --src-range " +
			pods, "OUTPUT -p tcp --sport 6443 -m iprange --dst-range " + pods} {
			if err := c.node.Command(c.ctx, "iptables",
				append([]string{how}, strings.Fields(rule+" -j DROP")...)...).Run(); err != nil {
				return err
			}
		}
		return nil
	}
	c.must(cut("-I"))
	back := func() { _ = cut("-D") }
	t.Cleanup(back)
	pace := func(what string) {
		t.Helper()
		before, err := c.count(c.ctx, word("apiaway"))
		c.must(err)
		const span = 15 * time.Second
		time.Sleep(span)
		after, err := c.count(c.ctx, word("apiaway"))
		c.must(err)
		t.Logf("%s: %d lines of a known pod in %s, of %d", what, after-before, span,
			int(span.Seconds())*rate)
		if after-before < int(span.Seconds())*rate*2/3 {
			t.Errorf("%s: lines do not go on at pace", what)
		}
	}
	c.must(c.runPod(c.ctx, "shop", "unknown", "-lines", "500", "-rate", "20", "-word",
		"apiunknown"))
	c.must(c.runAnnotatedPod(c.ctx, "shop", "unheard", out, "-lines", "500", "-rate", "20", "-word",
		"apisilent"))
	pace("with pods that nobody can know")
	if n, err := c.count(c.ctx, word("apiunknown")); err != nil || n > 0 {
		t.Errorf("%d lines of a pod that may have opted out are in the index: %v", n, err)
	}
	// The agent starts anew, and DNS is away too.
	c.must(c.awaitRoom(c.ctx, "known"))
	c.must(c.node.Pause("coredns"))
	t.Cleanup(func() { _ = c.node.Resume("coredns") })
	c.kubectl("-n", namespace, "delete", "pod", p.Name, "--force", "--grace-period=0")
	time.Sleep(20 * time.Second)
	c.must(c.node.Resume("coredns"))
	_, err := c.awaitAgent(c.ctx, p.Name)
	c.must(err)
	back()
	c.exactlyOnce("apiaway", lines)
	c.exactlyOnce("apiunknown", 500)
	if n, err := c.count(c.ctx, word("apisilent")); err != nil || n > 0 {
		t.Errorf("%d lines of a pod that opted out are in the index: %v", n, err)
	}
	n, err := c.count(c.ctx, `{"bool":{"must":[{"bool":{"should":[`+word("apiaway")+`,`+word("apiunknown")+`]}}],"must_not":[{"exists":{"field":"kubernetes.labels.app"}}]}}`)
	if err != nil || n > 0 {
		t.Errorf("%d lines have not the pod's labels: %v", n, err)
	}
}

// TestUnknownPod has a log of a pod that the cluster does not know: its lines are found by a label.
func TestUnknownPod(t *testing.T) {
	c := newCluster(t)
	if c.host.TestHost {
		t.Skip("fbhost runs no filters")
	}
	c.install()
	dir := c.node.Path("/var/log/pods/shop_nobody_1/app")
	c.must(os.MkdirAll(dir, 0o755))
	c.must(os.WriteFile(filepath.Join(dir, "0.log"),
		[]byte(time.Now().UTC().Format(time.RFC3339Nano)+" stdout F LINE=1 nobodys \n"), 0o600))
	c.must(os.Symlink("/var/log/pods/shop_nobody_1/app/0.log",
		c.node.Path("/var/log/containers/nobody_shop_app-"+strings.Repeat("0", 64)+".log")))
	c.must(c.await(c.ctx, `{"bool":{"must":[`+word("nobodys")+`,{"term":{"kubernetes.labels.opensearch-irsa/metadata":"missing"}},{"term":{"kubernetes.pod_name":"nobody"}}]}}`, 1))
}
