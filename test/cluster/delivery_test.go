package main

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestExactlyOnce counts a pod's lines from the index after all that happens to an agent: deleted by force, rolled, killed, kubelet and
// containerd restarted, logs rotated, and the domain away for three minutes.
func TestExactlyOnce(t *testing.T) {
	c := newCluster(t)
	p := c.install()
	const lines, rate = 60_000, 300
	began := time.Now()
	c.must(c.runPod(c.ctx, "shop", "steady", "-lines", fmt.Sprint(lines), "-rate", fmt.Sprint(rate), "-size", "300", "-word", "steadily"))
	step := func(what string) { t.Logf("[%3.0f s] %s", time.Since(began).Seconds(), what) }
	renew := func(what string) {
		t.Helper()
		step(what)
		next, err := c.awaitAgent(c.ctx, p.Name)
		c.must(err)
		p = next
		time.Sleep(3 * time.Second) // what it does at its work, and not how it starts, is what the next fault shall meet
	}
	for range 2 {
		c.kubectl("-n", namespace, "delete", "pod", p.Name, "--force", "--grace-period=0")
		renew("deleted by force")
	}
	c.kubectl("-n", namespace, "rollout", "restart", "daemonset/"+agentName)
	renew("rolled")
	c.must(c.killAgent(syscall.SIGKILL))
	step("killed")
	c.must(poll(c.ctx, time.Second, func() error {
		now, err := c.agent(c.ctx)
		if err == nil && (now.Restarts == p.Restarts || !now.Ready) {
			err = fmt.Errorf("it was not started again: %+v", now)
		}
		return err
	}))
	step("kubelet restarted")
	c.must(c.node.Restart(c.ctx, "kubelet", syscall.SIGKILL))
	step("containerd restarted")
	c.must(c.node.Restart(c.ctx, "containerd", syscall.SIGKILL))
	time.Sleep(5 * time.Second)
	now, err := c.awaitAgent(c.ctx)
	c.must(err)
	step("the domain is away")
	c.must(c.doorServer.Down())
	notReady := time.Duration(0)
	for away := time.Now(); time.Since(away) < 3*time.Minute; time.Sleep(time.Second) {
		if a, err := c.agent(c.ctx); err == nil && !a.Ready && notReady == 0 {
			notReady = time.Since(away)
		}
	}
	c.must(c.doorServer.Up())
	step(fmt.Sprintf("it is back; not ready after %s", notReady))
	after, err := c.awaitAgent(c.ctx)
	c.must(err)
	if after.Name != now.Name || after.Restarts != now.Restarts {
		t.Errorf("the agent was restarted while the domain was away: %+v, then %+v", now, after)
	}
	c.exactlyOnce("steadily", lines)
	if rotated := c.rotated("steady"); rotated < 2 {
		t.Errorf("the kubelet rotated the log %d times", rotated)
	}
}

// TestMemory has a pod log as fast as it can: the agent stays within the DaemonSet's memory limit.
func TestMemory(t *testing.T) {
	c := newCluster(t)
	before := c.install()
	const lines = 400_000
	c.must(c.runPod(c.ctx, "shop", "loud", "-lines", fmt.Sprint(lines), "-size", "200", "-rate", "20000", "-word", "loudly"))
	c.must(c.await(c.ctx, word("loudly"), lines/2))
	after, err := c.agent(c.ctx)
	c.must(err)
	if after != before {
		t.Errorf("the agent was %+v and is %+v", before, after)
	}
	peak, err := c.memoryPeak()
	c.must(err)
	t.Logf("the container's peak is %d MiB", peak>>20)
}

// TestManyPods has a hundred pods log at once.
func TestManyPods(t *testing.T) {
	c := newCluster(t)
	c.install()
	const pods, each = 100, 50
	var all strings.Builder
	for n := range pods {
		fmt.Fprintf(&all, `{"apiVersion":"v1","kind":"Pod","metadata":{"name":"many-%d","namespace":"shop"},"spec":{"automountServiceAccountToken":false,"terminationGracePeriodSeconds":0,"restartPolicy":"Never","containers":[{"name":"app","image":%q,"args":["-lines","%d","-word","many%d"]}]}}`+"\n---\n", n, podImage, each, n)
	}
	_, err := c.node.Kubectl(c.ctx, all.String(), "apply", "-f", "-")
	c.must(err)
	defer c.kubectl("-n", "shop", "delete", "pods", "--all", "--force", "--grace-period=0")
	c.must(c.await(c.ctx, `{"wildcard":{"log":"many*"}}`, pods*each))
	for n := range pods {
		counted, err := c.tallyOf(c.ctx, fmt.Sprintf("many%d", n), each)
		c.must(err)
		if counted.missing > 0 || counted.twice > 0 {
			t.Errorf("pod %d: %+v", n, counted)
		}
	}
}

// TestHostileLines has containerd write what pods have been seen to log. Nothing stops, and each line is somewhere.
func TestHostileLines(t *testing.T) {
	c := newCluster(t)
	before := c.install()
	c.must(c.runPod(c.ctx, "shop", "hostile", "-hostile", "-lines", "100", "-word", "afterhostile"))
	c.exactlyOnce("afterhostile", 100)
	after, err := c.agent(c.ctx)
	c.must(err)
	if after != before {
		t.Errorf("the agent was %+v and is %+v", before, after)
	}
}

// TestDiskFull fills the disk that the agent's state is on.
func TestDiskFull(t *testing.T) {
	c := newCluster(t)
	before := c.install()
	const lines = 12_000
	c.must(c.runPod(c.ctx, "shop", "full", "-lines", fmt.Sprint(lines), "-rate", "400", "-word", "diskfull"))
	c.must(c.await(c.ctx, word("diskfull"), 400))
	c.must(c.node.Command(c.ctx, "sh", "-c", "dd if=/dev/zero of=/var/fluent-bit/filler bs=1M 2>/dev/null; df /var/fluent-bit | tail -n 1 | grep -q 100%").Run())
	time.Sleep(10 * time.Second)
	during, err := c.agent(c.ctx)
	c.must(err)
	c.must(c.node.Command(c.ctx, "rm", "/var/fluent-bit/filler").Run())
	t.Logf("before %+v, with a full disk %+v", before, during)
	c.exactlyOnce("diskfull", lines)
}

// TestOptOut leaves out a pod and a namespace that ask for it.
func TestOptOut(t *testing.T) {
	c := newCluster(t)
	if c.host.TestHost {
		t.Skip("fbhost runs no filters")
	}
	c.install()
	out := map[string]string{"fluentbit.io/exclude": "true"}
	c.must(c.runAnnotatedPod(c.ctx, "shop", "noisy", out, "-lines", "100", "-word", "optedout"))
	if !c.old() {
		c.namespaces("private")
		c.kubectl("annotate", "namespace", "private", "fluentbit.io/exclude=true", "--overwrite")
		c.must(c.runPod(c.ctx, "private", "web", "-lines", "100", "-word", "optedout"))
	}
	c.must(c.runPod(c.ctx, "shop", "later", "-lines", "100", "-word", "notoptedout"))
	c.exactlyOnce("notoptedout", 100)
	if n, err := c.count(c.ctx, word("optedout")); err != nil || n > 0 {
		t.Errorf("%d lines of pods that opted out are in the index: %v", n, err)
	}
}

// TestAPIServerAway has the API server give no answer for two minutes: lines go on at pace, and those that came without metadata can be
// found. What is not so is in the log of this test.
func TestAPIServerAway(t *testing.T) {
	c := newCluster(t)
	if c.host.TestHost {
		t.Skip("fbhost runs no filters, and asks nobody")
	}
	c.install()
	const lines, rate = 6_000, 50
	c.must(c.runPod(c.ctx, "shop", "known", "-lines", fmt.Sprint(lines), "-rate", fmt.Sprint(rate), "-word", "apiaway"))
	c.must(c.await(c.ctx, word("apiaway"), 100))
	c.must(c.node.Pause("kube-apiserver"))
	defer func() { _ = c.node.Resume("kube-apiserver") }()
	before, err := c.count(c.ctx, word("apiaway"))
	c.must(err)
	const away = time.Minute
	time.Sleep(away)
	during, err := c.count(c.ctx, word("apiaway"))
	c.must(err)
	c.must(c.node.Resume("kube-apiserver"))
	t.Logf("of a pod that is known, %d of %d lines came while the API server was away", during-before, int(away.Seconds())*rate)
	if during-before < int(away.Seconds())*rate/2 {
		t.Errorf("lines do not go on while the API server is away")
	}
	c.exactlyOnce("apiaway", lines)
}
