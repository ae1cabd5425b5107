package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

// TestChart has Helm install the chart beside somebody's release called fluent-bit, on a domain
// that maps the agent's role to nothing: its bootstrap maps it, lines arrive, helm test is content,
// and uninstalling leaves nothing of it and the other release as it was.
func TestChart(t *testing.T) {
	c := newCluster(t)
	program := c.helmProgram()
	helm := func(args ...string) string { t.Helper(); return c.helm(program, args...) }
	c.namespaces("shop")
	c.must(c.openSearch.MapWriter(c.ctx))
	c.kubectl("delete", "-k", c.tree().overlay("irsa"), "--ignore-not-found", "--wait=true",
		"--timeout=120s")
	c.otherRelease(program)
	before, theirs := c.objects(), c.versionsOfOther()

	chart := filepath.Join(c.root, "deploy", "helm", "opensearch-irsa")
	image, tag, _ := strings.Cut(agentImage, ":")
	args := []string{"upgrade", "--install", agentName, chart, "--namespace", namespace, "--wait",
		"--timeout", "5m",
		"--set", "endpoint=" + domainHost, "--set", "region=" + region, "--set", "image.repository=" + image, "--set", "image.tag=" + tag,
		"--set", "serviceAccount.roleARN=" + c.agentARN, "--set", "bootstrap.enabled=true", "--set", "bootstrap.roleARN=" + c.masterARN,
		"--set", "networkPolicy.enabled=true"}
	if c.old() {
		args = append(args, "--set", "namespaceOptOut=false")
	}
	t.Cleanup(func() {
		c.afterwards().helm(program, "uninstall", agentName, "--namespace", namespace,
			"--ignore-not-found")
	})
	began := time.Now()
	helm(args...)
	t.Logf("installed in %.0f s", time.Since(began).Seconds())
	first, err := c.awaitAgent(c.ctx)
	c.must(err)
	if _, err := c.do(c.ctx, "GET", "/_plugins/_security/api/rolesmapping/eks-log-writer",
		""); err != nil {
		t.Errorf("the bootstrap, a hook of the chart, did not map the role: %v", err)
	}
	if left := c.left(before); strings.Contains(left, "bootstrap") {
		t.Errorf("what has the master role is still there: %s", left)
	}
	c.must(c.runPod(c.ctx, "shop", "bychart", "-lines", "200", "-word", "bychart"))
	c.exactlyOnce("bychart", 200)

	began = time.Now()
	said := helm("test", agentName, "--namespace", namespace, "--logs", "--timeout", "5m")
	t.Logf("helm test took %.0f s:\n%s", time.Since(began).Seconds(), said)
	if !strings.Contains(said, "POD LOGS: "+agentName+"-doctor") || strings.Contains(said, "✗") {
		t.Error("the doctor is not content, or says nothing")
	}

	helm(append(args, "--set", "config.filtersFirst=# another")...)
	again, err := c.awaitAgent(c.ctx, first.Name)
	c.must(err)
	c.must(c.runPod(c.ctx, "shop", "bychart2", "-lines", "200", "-word", "byupgraded"))
	c.exactlyOnce("byupgraded", 200)
	t.Logf("another configuration made pod %s of %s", again.Name, first.Name)

	helm("uninstall", agentName, "--namespace", namespace, "--wait", "--timeout", "3m")
	if left := c.left(before); left != "" {
		t.Errorf("uninstalled, and these are left:\n%s", left)
	}
	if pods := c.kubectl("-n", namespace, "get", "pods", "-l",
		"app.kubernetes.io/part-of="+agentName, "-o", "name"); pods != "" {
		t.Errorf("uninstalled, and these pods are left:\n%s", pods)
	}
	if now := c.versionsOfOther(); now != theirs {
		t.Errorf("the release fluent-bit was\n%s\nand is\n%s", theirs, now)
	}
}

// helmProgram is make's helm, where the node can see it: it has a /var of its own.
func (c *cluster) helmProgram() string {
	c.t.Helper()
	program, err := os.ReadFile(os.Getenv("HELM"))
	if err != nil {
		stack.Missing(c.t, fmt.Sprintf("HELM names no helm (make tools builds one): %v", err))
	}
	path := filepath.Join(c.t.TempDir(), "helm")
	c.must(os.WriteFile(path, program, 0o700))
	return path
}

// helm runs it within the node, as the cluster's admin, and returns what it prints.
func (c *cluster) helm(program string, args ...string) string {
	c.t.Helper()
	command := c.node.Command(c.ctx, program, args...)
	home := filepath.Dir(program)
	command.Env = append(command.Env, "HELM_CACHE_HOME="+home, "HELM_CONFIG_HOME="+home,
		"HELM_DATA_HOME="+home)
	out, err := command.Output()
	c.must(err)
	return out
}

// afterwards is the cluster once the test's own time is over.
func (c *cluster) afterwards() *cluster {
	return &cluster{site: c.site, t: c.t, ctx: context.WithoutCancel(c.ctx)}
}

// otherRelease is the real chart's, where FLUENT_BIT_CHART begins with one, with an output that
// throws all away; else what stands for it.
func (c *cluster) otherRelease(program string) {
	c.t.Helper()
	path, _, _ := strings.Cut(os.Getenv("FLUENT_BIT_CHART"), ":")
	if path == "" {
		c.chart()
		c.t.Cleanup(func() {
			c := c.afterwards()
			c.kubectl("delete", "daemonset/fluent-bit", "serviceaccount/fluent-bit",
				"configmap/fluent-bit", "-n", namespace)
			c.kubectl("delete", "clusterrole/fluent-bit", "clusterrolebinding/fluent-bit")
		})
		return
	}
	values := filepath.Join(c.t.TempDir(), "values.yaml")
	c.must(os.WriteFile(values, []byte(`
config:
  service: "[SERVICE]\n    HTTP_Server On\n    HTTP_Port 2020\n    Health_Check On"
  inputs: "[INPUT]\n    Name tail\n    Path /var/log/containers/*.log"
  filters: ""
  outputs: "[OUTPUT]\n    Name null\n    Match *"
`), 0o600))
	image, tag, _ := strings.Cut(agentImage, ":")
	c.helm(program, "upgrade", "--install", "fluent-bit", path, "--namespace", namespace,
		"--values", values, "--set", "image.repository="+image, "--set", "image.tag="+tag,
		"--set", "daemonSetVolumeMounts[0].name=varlog", "--set", "daemonSetVolumeMounts[0].mountPath=/var/log",
		"--set", "daemonSetVolumes[0].name=varlog", "--set", "daemonSetVolumes[0].hostPath.path=/var/log", "--wait", "--timeout", "3m")
	c.t.Cleanup(func() {
		c.afterwards().helm(program, "uninstall", "fluent-bit", "--namespace", namespace, "--wait",
			"--timeout", "2m")
	})
}

// versionsOfOther are the objects of the release fluent-bit and its pod, by their versions: a
// touched one has another.
func (c *cluster) versionsOfOther() string {
	c.t.Helper()
	const each = `jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.uid} {.metadata.generation} {.rules} {.subjects}{"\n"}{end}`
	return c.kubectl("get", "daemonsets,serviceaccounts,configmaps", "-n", namespace, "-l",
		"app.kubernetes.io/instance=fluent-bit", "-o", each) +
		c.kubectl("get", "clusterroles,clusterrolebindings", "-l",
			"app.kubernetes.io/instance=fluent-bit", "-o", each)
}
