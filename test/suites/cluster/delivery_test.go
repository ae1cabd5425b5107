package main

import (
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestExactlyOnce counts a pod's lines from the index after all that happens to an agent: deleted
// by force, rolled, upgraded, killed, kubelet and containerd restarted, logs rotated and
// compressed, and the domain away. While there is no agent the log is not rotated:
// TestRotatedWhileAway has that.
func TestExactlyOnce(t *testing.T) {
	c := newCluster(t)
	p := c.install()
	lines, away := 11_000, 20*time.Second
	if *long {
		lines, away = 40_000, 3*time.Minute
	}
	const rate = 100
	began := time.Now()
	c.must(c.runPod(c.ctx, "shop", "steady", "-lines", fmt.Sprint(lines), "-rate", fmt.Sprint(rate),
		"-size", "300", "-word", "steadily"))
	step := func(what string) { t.Logf("[%3.0f s] %s", time.Since(began).Seconds(), what) }
	renew := func(what string, do func()) {
		t.Helper()
		c.must(c.awaitRoom(c.ctx, "steady"))
		step(what)
		do()
		next, err := c.awaitAgent(c.ctx, p.Name)
		c.must(err)
		p = next
		time.Sleep(3 * time.Second) // what it does at its work, and not how it starts, is what the next fault shall meet
	}
	for range 2 {
		renew("deleted by force", func() {
			c.kubectl("-n", namespace, "delete", "pod", p.Name,
				"--force", "--grace-period=0")
		})
	}
	renew("rolled", func() {
		c.kubectl("-n", namespace, "rollout", "restart",
			"daemonset/"+agentName)
	})
	c.must(c.node.TagImage(c.ctx, agentImage, agentImage+"-next"))
	next := c.tree()
	c.must(next.image("irsa", agentImage+"-next"))
	renew("upgraded", func() { c.apply(next.overlay("irsa")) })
	c.must(c.awaitRoom(c.ctx, "steady"))
	step("killed")
	c.must(c.killAgent(syscall.SIGKILL))
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
	for gone := time.Now(); time.Since(gone) < away; time.Sleep(time.Second) {
		if a, err := c.agent(c.ctx); err == nil && !a.Ready && notReady == 0 {
			notReady = time.Since(gone)
		}
	}
	c.must(c.doorServer.Up())
	step(fmt.Sprintf("it is back; not ready after %s", notReady))
	if *long && notReady == 0 {
		t.Error("the agent was ready while the domain was away")
	}
	after, err := c.awaitAgent(c.ctx)
	c.must(err)
	if after.Name != now.Name || after.Restarts != now.Restarts {
		t.Errorf("the agent was restarted while the domain was away: %+v, then %+v", now, after)
	}
	c.exactlyOnce("steadily", lines)
	if rotated := c.rotated("steady"); rotated < 1 || *long && rotated < 4 {
		t.Errorf("the kubelet has %d rotated logs", rotated)
	}
}

// TestRotatedWhileAway has the kubelet rotate a log while there is no agent on the node: what was
// not read of that file before is lost, and nothing else (docs/delivery.md).
func TestRotatedWhileAway(t *testing.T) {
	takesLong(t)
	c := newCluster(t)
	p := c.install()
	const lines, rate = 15_000, 150
	c.must(c.runPod(c.ctx, "shop", "unread", "-lines", fmt.Sprint(lines), "-rate", fmt.Sprint(rate),
		"-size", "300", "-word", "unreadly"))
	c.must(c.await(c.ctx, word("unreadly"), 500))
	c.kubectl("-n", namespace, "patch", "daemonset", agentName, "--type=merge", "-p",
		`{"spec":{"template":{"spec":{"nodeSelector":{"nobody":"here"}}}}}`)
	c.kubectl("-n", namespace, "wait", "--for=delete", "pod/"+p.Name, "--timeout=2m")
	c.must(poll(c.ctx, 200*time.Millisecond, func() error {
		if c.rotated("unread") == 0 {
			return errors.New("the log is not rotated")
		}
		return nil
	}))
	first, last, err := c.rotatedLines("unread") // of the file that is rotated away
	c.must(err)
	c.kubectl("-n", namespace, "patch", "daemonset", agentName, "--type=json", "-p",
		`[{"op":"remove","path":"/spec/template/spec/nodeSelector/nobody"}]`)
	_, err = c.awaitAgent(c.ctx)
	c.must(err)
	c.must(poll(c.ctx, time.Second, func() error {
		n, err := c.count(c.ctx, `{"bool":{"must":[`+word("unreadly")+`,{"match_phrase":{"log":"LINE=`+fmt.Sprint(lines)+`"}}]}}`)
		if err == nil && n == 0 {
			err = errors.New("the last line is not there")
		}
		return err
	}))
	time.Sleep(3 * time.Second)
	counted, err := c.tallyOf(c.ctx, "unreadly", lines)
	c.must(err)
	var from, to int
	if n, err := fmt.Sscanf(counted.gaps, " %d-%d", &from, &to); n != 2 || err != nil ||
		strings.Count(counted.gaps, "-") != 1 || from < first || to != last || counted.twice > 0 {
		t.Errorf("the rotated file had the lines %d to %d; missing are%s; %+v", first, last,
			counted.gaps, counted)
	}
	t.Logf("lost are the lines%s, of %d to %d in the file that was rotated while "+
		"there was no agent", counted.gaps, first, last)
}

// TestMemory has a pod log as fast as it can: the agent stays within the DaemonSet's memory limit,
// and goes on. Of such a pod the kubelet rotates lines away before anybody can read them.
func TestMemory(t *testing.T) {
	takesLong(t)
	c := newCluster(t)
	before := c.install()
	const lines = 150_000
	c.must(c.runPod(c.ctx, "shop", "loud", "-lines", fmt.Sprint(lines), "-size", "200", "-rate",
		"20000", "-word", "loudly"))
	c.must(c.await(c.ctx, word("loudly"), lines/20))
	c.must(c.runPod(c.ctx, "shop", "quiet", "-lines", "500", "-rate", "50", "-word", "besideloud"))
	c.exactlyOnce("besideloud", 500)
	after, err := c.agent(c.ctx)
	c.must(err)
	if after != before {
		t.Errorf("the agent was %+v and is %+v", before, after)
	}
	peak, err := c.memoryPeak()
	c.must(err)
	found, err := c.count(c.ctx, word("loudly"))
	c.must(err)
	t.Logf("the container's peak is %d MiB, of %d lines %d are there", peak>>20, lines, found)
}

// TestManyPods has a hundred pods log at once.
func TestManyPods(t *testing.T) {
	takesLong(t)
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
	query := `{"wildcard":{"log":"many*"}}`
	c.must(c.await(c.ctx, query, pods*each))
	found, err := c.search(c.ctx, query)
	c.must(err)
	seen := map[string]int{}
	for _, d := range found {
		seen[strings.TrimSpace(d.Log)]++
	}
	for n := range pods {
		for line := 1; line <= each; line++ {
			if text := fmt.Sprintf("LINE=%d level=info msg=\"request many%d\"", line,
				n); seen[text] != 1 {
				t.Errorf("line %d of pod %d is there %d times", line, n, seen[text])
			}
		}
	}
}

// whole is what containerd begins a line with that is whole, or the last part of one.
var whole = regexp.MustCompile(`(?m)^\S+ stdout F `)

// TestHostileLines has containerd write what pods have been seen to log. Nothing stops, and each
// line is in the index or a dead letter.
func TestHostileLines(t *testing.T) {
	c := newCluster(t)
	before := c.install()
	const lines = 100
	c.must(c.runPod(c.ctx, "shop", "hostile", "-hostile", "-lines", fmt.Sprint(lines), "-word",
		"afterhostile"))
	c.exactlyOnce("afterhostile", lines)
	after, err := c.agent(c.ctx)
	c.must(err)
	if after != before {
		t.Errorf("the agent was %+v and is %+v", before, after)
	}
	if c.host.TestHost {
		return // it adds no pod's name, by which the lines are found
	}
	stored, err := c.count(c.ctx, `{"match":{"kubernetes.pod_name":"hostile"}}`)
	c.must(err)
	dead, err := c.count(c.ctx, `{"bool":{"should":[{"wildcard":{"tag":"*hostile_shop_app*"}},{"wildcard":{"tag.keyword":"*hostile_shop_app*"}}]}}`)
	c.must(err)
	text, err := os.ReadFile(c.logFile("hostile", "0.log"))
	c.must(err)
	if written := len(whole.FindAll(text, -1)); written <= lines || stored+dead != written {
		t.Errorf("of %d lines %d are in the index and %d in the dead letters", written, stored, dead)
	}
	t.Logf("%d in the index, %d in the dead letters", stored, dead)
}

// TestDiskFull fills the disk that the agent's state is on.
func TestDiskFull(t *testing.T) {
	c := newCluster(t)
	before := c.install()
	const lines = 12_000
	c.must(c.runPod(c.ctx, "shop", "full", "-lines", fmt.Sprint(lines), "-rate", "400", "-word",
		"diskfull"))
	c.must(c.await(c.ctx, word("diskfull"), 400))
	c.must(c.node.Command(c.ctx, "sh", "-c", "dd if=/dev/zero of=/var/fluent-bit/filler bs=1M "+
		"2>/dev/null; df /var/fluent-bit | tail -n 1 | grep -q 100%").Run())
	time.Sleep(10 * time.Second)
	during, err := c.agent(c.ctx)
	c.must(err)
	c.must(c.node.Command(c.ctx, "rm", "/var/fluent-bit/filler").Run())
	t.Logf("before %+v, with a full disk %+v", before, during)
	if c.old() { // Fluent Bit 1.9 drops what it reads meanwhile: docs/delivery.md
		c.must(c.runPod(c.ctx, "shop", "afterfull", "-lines", "100", "-word", "afterfull"))
		c.exactlyOnce("afterfull", 100)
		return
	}
	c.exactlyOnce("diskfull", lines)
}
