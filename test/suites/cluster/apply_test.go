package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestMakeApply has make apply take away what an overlay no longer has: components with the account
// that has the master role, Jobs, and ConfigMaps of earlier settings. What is another's, and the
// agent, stay.
func TestMakeApply(t *testing.T) {
	c := newCluster(t)
	c.namespaces("shop")
	c.must(c.mapRole())
	at := c.tree()
	for _, name := range []string{"Makefile", "versions.mk"} {
		text, err := os.ReadFile(filepath.Join(c.root, name))
		c.must(err)
		c.must(os.WriteFile(filepath.Join(at.dir, name), text, 0o600))
	}
	chosen := []string{"bootstrap", "doctor", "network-policy"}
	if !c.old() {
		chosen = append(chosen, "namespace-opt-out")
	}
	apply := func(overlay string, components ...string) string {
		t.Helper()
		c.must(at.components(overlay, components...))
		command := c.node.Command(c.ctx, "make", "-C", at.dir, "apply", "OVERLAY="+overlay)
		out, err := command.Output()
		c.must(err)
		return out
	}
	names := func() map[string]bool {
		t.Helper()
		all := map[string]bool{}
		for line := range strings.Lines(c.objects()) {
			all[strings.TrimSpace(line)] = true
		}
		return all
	}
	c.kubectl("-n", namespace, "create", "configmap", "of-another", "--from-literal=a=b",
		"--dry-run=none")
	t.Cleanup(func() {
		c.afterwards().kubectl("-n", namespace, "delete", "configmap",
			"of-another")
	})

	apply("irsa", chosen...)
	before := names()
	count := func(of map[string]bool, what string) (n int) {
		for name := range of {
			if strings.Contains(name, what) {
				n++
			}
		}
		return n
	}
	if !before["serviceaccount/opensearch-irsa-bootstrap"] ||
		count(before, "job.batch/opensearch-irsa-") != 2 || count(before, "networkpolicy") != 1 {
		t.Fatalf("applied with %q there are %v", chosen, before)
	}
	c.must(at.edit(filepath.Join(at.overlay("irsa"), "settings.env"), "INDEX_NAME=eks-log",
		"INDEX_NAME=eks-log-changed"))
	out := apply("irsa", chosen[3:]...)
	after := names()
	if after["serviceaccount/opensearch-irsa-bootstrap"] ||
		count(after, "job.batch/opensearch-irsa-") != 0 || count(after, "networkpolicy") != 0 {
		t.Errorf("with those components taken out there are %v:\n%s", after, out)
	}
	if n := count(after, "configmap/opensearch-irsa-settings-"); n != 1 {
		t.Errorf("there are %d ConfigMaps of settings: %v", n, after)
	}
	for _, name := range []string{"configmap/of-another", "daemonset.apps/opensearch-irsa",
		"serviceaccount/opensearch-irsa", "serviceaccount/default"} {
		if !after[name] {
			t.Errorf("%s is gone:\n%s", name, out)
		}
	}
}
