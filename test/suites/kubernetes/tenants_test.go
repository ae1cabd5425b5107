package kubernetes

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

// TestTenants has lines of namespaces with and without the annotation in the indexes of their
// tenants, and those that opt out in none.
func TestTenants(t *testing.T) {
	c := newClusterOf(t, "tenants")
	if c.host.TestHost || c.old() {
		t.Skip("what an annotation of a namespace does is seen with Fluent Bit 4 and later " +
			"alone: set FLUENT_BIT")
	}
	namespaces := map[string]map[string]string{
		"shop": {"opensearch-irsa/tenant": "retail"}, "bank": {"opensearch-irsa/tenant": "money", "example.com/owner": "me"}, "plain": nil,
		"private": {"fluentbit.io/exclude": "true", "opensearch-irsa/tenant": "retail"},
	}
	var pods []*stack.Pods
	for name, annotations := range namespaces {
		if err := world.Kube.PutNamespace(name, annotations); err != nil {
			t.Fatal(err)
		}
		pod := c.addPod(stack.Pod{Namespace: name, Name: name + "-0"})
		if err := pod.WriteLines(20); err != nil {
			t.Fatal(err)
		}
		pods = append(pods, pod)
	}
	_ = pods
	agent := c.start()
	count := func(index string) int {
		n, err := world.OpenSearch.Count(t.Context(), index)
		if err != nil {
			return -1 // it is not there yet
		}
		return n
	}
	want := map[string]int{"-retail-2*": 20, "-money-2*": 20, "-shared-2*": 20}
	deadline := time.Now().Add(stack.Patience)
	for {
		all := true
		for suffix, n := range want {
			all = all && count(c.name+suffix) == n
		}
		if all {
			break
		}
		if time.Now().After(deadline) {
			for suffix := range want {
				t.Errorf("%s has %d lines", c.name+suffix, count(c.name+suffix))
			}
			break
		}
		select {
		case <-time.After(200 * time.Millisecond):
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		}
	}
	if n := count(c.name + "*"); n != 60 {
		t.Errorf("there are %d lines in all: a namespace that opted out is there too", n)
	}
	_, answer, err := world.OpenSearch.Do(t.Context(), "POST", "/"+c.name+"-money-2*/_search",
		`{"size":1}`)
	if text := string(answer); err != nil || !strings.Contains(text, `"tenant":"money"`) ||
		strings.Contains(text, "kubernetes_namespace") ||
		strings.Contains(text, "example.com/owner") {
		t.Errorf("a document is %s (%v)", answer, err)
	}
	if err := agent.Stop(45 * time.Second); err != nil {
		t.Error(err)
	}
}

// TestComponentsAreUnderstood has a real Fluent Bit read the configuration with every component,
// and that of the events' pod.
func TestComponentsAreUnderstood(t *testing.T) {
	if unmet := stack.Unmet("PLUGIN_SO"); unmet != "" {
		stack.Missing(t, unmet)
	}
	host, err := stack.FindFluentBit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if host.TestHost || strings.HasPrefix(host.Version, "Fluent Bit v1.") {
		t.Skip("the components are for Fluent Bit 4 and later: set FLUENT_BIT")
	}
	files, o := agentFiles(t, "tenants", "system-logs", "events")
	dirs := map[string]map[string]string{"agent": files}
	for name, config := range o.configs {
		if strings.HasPrefix(name, "opensearch-irsa-events-") {
			dirs["events"] = config.Data
		}
	}
	if len(dirs) != 2 {
		t.Fatal("there is no configuration for events")
	}
	for name, files := range dirs {
		dir := t.TempDir()
		for file, text := range files {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		plugins, err := stack.WritePlugins(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		command := exec.CommandContext(t.Context(), host.Path, "--dry-run", "-c",
			filepath.Join(dir, "fluent-bit.conf"))
		command.Env = []string{"PATH=" + os.Getenv("PATH"), "FLUENT_BIT_PLUGINS=" +
			plugins, "FLUENT_BIT_STATE=" + dir, "FLUENT_BIT_LOGS=" + dir +
			"/*.log", "FLUENT_BIT_HTTP_LISTEN=127.0.0.1",
			"FLUENT_BIT_HTTP_PORT=2020", "FLUENT_BIT_METRICS_PORT=0", "FLUENT_BIT_KUBE_URL=https://127.0.0.1:1", "FLUENT_BIT_KUBE_FILES=" + dir, "FLUENT_BIT_KUBE_TTL=0", "OPENSEARCH_ENDPOINT=127.0.0.1:9", "INDEX_NAME=eks-log", "AWS_REGION=eu-west-1"}
		out, err := command.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "configuration test is successful") ||
			slices.ContainsFunc(strings.Split(string(out), "\n"),
				func(line string) bool { return strings.Contains(line, "[error]") }) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
