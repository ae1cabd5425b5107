package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestOverlays has the API server admit every overlay with all that it offers, twice, changed, and
// gone.
func TestOverlays(t *testing.T) {
	c := newCluster(t)
	c.namespaces("shop")
	c.chart()
	for overlay, more := range map[string][]string{
		"pod-identity": {"network-policy", "system-logs", "events", "bootstrap", "doctor"}, "serverless": {"network-policy", "doctor"},
		"existing-daemonset": nil, "irsa": {"network-policy", "system-logs", "events", "bootstrap", "doctor"},
	} {
		t.Run(overlay, func(t *testing.T) {
			if overlay != "irsa" {
				takesLong(t)
			}
			c := &cluster{site: c.site, t: t, ctx: c.ctx}
			at := c.tree()
			if overlay != "existing-daemonset" {
				c.must(at.components(overlay, append([]string{"pod-metadata"}, more...)...))
			}
			before := c.objects()
			first := c.apply(at.overlay(overlay))
			versions := c.versions(at.overlay(overlay))
			c.apply(at.overlay(overlay))
			if again := c.versions(at.overlay(overlay)); again != versions {
				t.Errorf("applied again without a change, it changed:\n%s\n%s", versions, again)
			}
			daemonSet := agentName
			if overlay == "existing-daemonset" {
				daemonSet = "aws-for-fluent-bit"
			}
			generation := c.kubectl("-n", namespace, "get", "daemonset", daemonSet, "-o",
				"jsonpath={.metadata.generation}")
			c.must(at.settings(overlay, "# changed"))
			c.must(at.edit(filepath.Join(at.overlay(overlay), "settings.env"), "INDEX_NAME=eks-log",
				"INDEX_NAME=eks-log-changed"))
			c.apply(at.overlay(overlay))
			if now := c.kubectl("-n", namespace, "get", "daemonset", daemonSet, "-o",
				"jsonpath={.metadata.generation}"); now == generation {
				t.Errorf("changed settings do not roll the pods: generation %s", now)
			}
			// What earlier contents of the ConfigMaps left is not in the overlay any more.
			c.kubectl("delete", "-k", at.overlay(overlay), "--wait=true", "--timeout=120s")
			for line := range strings.Lines(c.kubectl("-n", namespace, "get", "configmaps,jobs",
				"-o", "name")) {
				if name := strings.TrimSpace(line); strings.Contains(name, "/"+agentName) {
					c.kubectl("-n", namespace, "delete", name)
				}
			}
			if left := c.left(before); left != "" {
				t.Errorf("after delete these are left:\n%s\nof\n%s", left, first)
			}
		})
	}
	if out := c.kubectl("-n", namespace, "get", "daemonset/fluent-bit", "serviceaccount/fluent-bit",
		"-o", "name"); strings.Count(out, "\n") != 2 {
		t.Errorf("of the chart's release there is only %q", out)
	}
	c.kubectl("delete", "daemonset/fluent-bit", "serviceaccount/fluent-bit", "configmap/fluent-bit",
		"-n", namespace)
	c.kubectl("delete", "clusterrole/fluent-bit", "clusterrolebinding/fluent-bit")
}

// chart puts there what a release of the official chart called fluent-bit makes, by its names: ours
// must not meet them.
func (c *cluster) chart() {
	c.t.Helper()
	labels := `"labels":{"app.kubernetes.io/name":"fluent-bit","app.kubernetes.io/instance":"fluent-bit","app.kubernetes.io/managed-by":"Helm"}`
	named := fmt.Sprintf(`"metadata":{"name":"fluent-bit","namespace":%q,%s}`, namespace, labels)
	for _, object := range []string{
		`{"apiVersion":"v1","kind":"ServiceAccount",` + named + `}`,
		`{"apiVersion":"v1","kind":"ConfigMap",` + named +
			`,"data":{"fluent-bit.conf":"[SERVICE]"}}`,
		`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRole","metadata":{"name":"fluent-bit",` + labels + `},"rules":[]}`,
		`{"apiVersion":"rbac.authorization.k8s.io/v1","kind":"ClusterRoleBinding","metadata":{"name":"fluent-bit",` + labels + `},"roleRef":{"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"fluent-bit"}}`,
		`{"apiVersion":"apps/v1","kind":"DaemonSet",` + named +
			`,"spec":{"selector":{"matchLabels":{"app.kubernetes.io/name":"fluent-bit","app.kubernetes.io/instance":"fluent-bit"}},"template":{"metadata":{` + labels + `},"spec":{"serviceAccountName":"fluent-bit","containers":[{"name":"fluent-bit","image":"` + podImage + `"}]}}}}`,
	} {
		_, err := c.node.Kubectl(c.ctx, object, "apply", "--server-side", "--field-manager=helm",
			"-f", "-")
		c.must(err)
	}
}

// versions are the resource versions and generations of what an overlay makes; a status changes
// none of these.
func (c *cluster) versions(dir string) string {
	c.t.Helper()
	return c.kubectl("get", "-k", dir, "-o",
		`jsonpath={range .items[*]}{.kind} {.metadata.name} {.metadata.generation} {.metadata.uid}{"\n"}{end}`)
}

// objects are all that there are of the kinds that overlays have.
func (c *cluster) objects() string {
	c.t.Helper()
	kinds := "serviceaccounts,configmaps,daemonsets,deployments,jobs,networkpolicies"
	return c.kubectl("get", kinds, "-n", namespace, "-o", "name") +
		c.kubectl("get", "clusterroles,clusterrolebindings", "-o", "name")
}

func (c *cluster) left(before string) string {
	c.t.Helper()
	had := map[string]bool{}
	for line := range strings.Lines(before) {
		had[line] = true
	}
	var left strings.Builder
	for line := range strings.Lines(c.objects()) {
		if !had[line] {
			left.WriteString(line)
		}
	}
	return left.String()
}
