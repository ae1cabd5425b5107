package kubernetes

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"out_opensearch_irsa/test/fixtures/stack"
)

// helm runs make's helm.
func helm(t *testing.T, args ...string) (string, error) {
	t.Helper()
	path := os.Getenv("HELM")
	if _, err := os.Stat(path); path == "" || err != nil {
		stack.Missing(t, fmt.Sprintf("HELM names no helm (make helm builds one): %v", err))
	}
	command := exec.CommandContext(t.Context(), path, args...)
	home := t.TempDir()
	command.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "HELM_CACHE_HOME=" +
		home, "HELM_CONFIG_HOME=" + home, "HELM_DATA_HOME=" + home}
	var said strings.Builder
	command.Stderr = &said
	out, err := command.Output()
	if err != nil {
		return said.String(), err
	}
	return string(out), nil
}

func chart(t *testing.T) string {
	return filepath.Join(moduleRoot(t), "deploy", "helm", "opensearch-irsa")
}

// render is the chart's objects for some values, besides those that it must have.
func render(t *testing.T, release string, set ...string) string {
	t.Helper()
	out, err := helm(t, append([]string{"template", release, chart(t), "--namespace", "logging"},
		values(set...)...)...)
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return out
}

func values(set ...string) []string {
	args := []string{"--set", "endpoint=search-logs-abc123.eu-west-1.es.amazonaws.com", "--set",
		"region=eu-west-1", "--set", "image.repository=fluent-bit-opensearch-irsa",
		"--set", "serviceAccount.roleARN=arn:aws:iam::123456789012:role/fluent-bit"}
	for _, s := range set {
		args = append(args, "--set", s)
	}
	return args
}

var (
	hashed = regexp.MustCompile(`(opensearch-irsa(?:-[a-z]+)*)-[a-z0-9]{10}$`)
	// generic is what kustomize and Helm each put onto their objects, and what means the same.
	generic = []string{"helm.sh/chart", "app.kubernetes.io/managed-by", "app.kubernetes.io/version",
		"app.kubernetes.io/instance", "app.kubernetes.io/part-of",
		"helm.sh/hook", "helm.sh/hook-weight", "helm.sh/hook-delete-policy", "opensearch-irsa/configuration"}
)

// comparable makes objects of text, by kind and name, without what the two ways of installing do
// differently on purpose.
func comparable(t *testing.T, text string) map[string]any {
	t.Helper()
	all := map[string]any{}
	for _, document := range regexp.MustCompile(`(?m)^---\n`).Split(text, -1) {
		var object map[string]any
		if err := yaml.Unmarshal([]byte(document), &object); err != nil {
			t.Fatalf("%v:\n%s", err, document)
		}
		if object == nil {
			continue
		}
		object = plain(object).(map[string]any)
		metadata := object["metadata"].(map[string]any)
		if object["kind"] == "ConfigMap" {
			delete(metadata, "labels")
			delete(object["data"].(map[string]any), "image")
		}
		all[fmt.Sprint(object["kind"], " ", metadata["name"])] = object
	}
	return all
}

// plain is a value without hashes behind names, and without generic labels and annotations.
func plain(v any) any {
	switch v := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, value := range v {
			if slices.Contains(generic, key) ||
				key == "imagePullPolicy" && value == "IfNotPresent" {
				continue
			}
			value = plain(value)
			if m, ok := value.(map[string]any); ok && len(m) == 0 &&
				(key == "labels" || key == "annotations") {
				continue
			}
			out[key] = value
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = plain(v[i])
		}
		// Environment, mounts and volumes are lists by name, whatever their order.
		key := func(of any) string {
			m, _ := of.(map[string]any)
			return fmt.Sprint(m["mountPath"], m["name"])
		}
		if len(out) > 0 && key(out[0]) != fmt.Sprint(nil, nil) {
			slices.SortStableFunc(out, func(a,
				b any) int {
				return strings.Compare(key(a), key(b))
			})
		}
		return out
	case string:
		return hashed.ReplaceAllString(v, "$1")
	}
	return v
}

// TestChartIsTheOverlay compares the chart's objects with the overlay's, one by one and field by
// field.
func TestChartIsTheOverlay(t *testing.T) {
	for name, c := range map[string]struct {
		components []string
		set        []string
	}{
		"as shipped":         {components: []string{"namespace-opt-out"}},
		"bare":               {set: []string{"namespaceOptOut=false"}},
		"with files of pods": {components: []string{"pod-metadata"}, set: []string{"namespaceOptOut=false", "podMetadata=true"}},
		"everything": {
			components: []string{"tenants", "system-logs", "events", "monitoring", "network-policy",
				"bootstrap", "doctor"},
			set: []string{"tenants=true", "systemLogs=true", "events=true",
				"monitoring.enabled=true", "networkPolicy.enabled=true", "bootstrap.enabled=true",
				"bootstrap.roleARN=arn:aws:iam::123456789012:role/opensearch-bootstrap"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			at := tree(t)
			choose(t, at, "irsa", c.components)
			want, got := comparable(t, build(t, at, "/overlays/irsa")),
				comparable(t, render(t, "opensearch-irsa", c.set...))
			// The overlay's settings also have what its replacements take from there; the doctor's
			// ConfigMap is for its Job's name. The chart's doctor is a Pod, always there for helm
			// test.
			delete(want, "ConfigMap opensearch-irsa-doctor")
			doctor := got["Pod opensearch-irsa-doctor"]
			delete(got, "Pod opensearch-irsa-doctor")
			if job := want["Job opensearch-irsa-doctor"]; job != nil {
				sameDoctor(t, job, doctor)
				delete(want, "Job opensearch-irsa-doctor")
			}
			settings := want["ConfigMap opensearch-irsa-settings"].(map[string]any)["data"].(map[string]any)
			for _, key := range []string{"PROMETHEUS_NAMESPACE", "PROMETHEUS_RELEASE",
				"BOOTSTRAP_ROLE_ARN"} {
				delete(settings, key)
			}
			if a, b := slices.Sorted(maps.Keys(want)),
				slices.Sorted(maps.Keys(got)); !slices.Equal(a, b) {
				t.Errorf("the overlay has %q and the chart %q", a, b)
			}
			for name := range want {
				if got[name] != nil && !reflect.DeepEqual(want[name], got[name]) {
					a, _ := yaml.Marshal(want[name])
					b, _ := yaml.Marshal(got[name])
					t.Errorf("%s is in the overlay\n%s\nand in the chart\n%s", name, a, b)
				}
			}
		})
	}
}

// sameDoctor compares the pod of the overlay's Job with the chart's Pod, but for how long they
// look, and where their settings are.
func sameDoctor(t *testing.T, job, pod any) {
	t.Helper()
	of := func(object any, path ...string) any {
		for _, name := range path {
			object = object.(map[string]any)[name]
		}
		return object
	}
	theirs, ours := of(job, "spec", "template", "spec").(map[string]any),
		of(pod, "spec").(map[string]any)
	if deadline := ours["activeDeadlineSeconds"]; deadline != 300.0 {
		t.Errorf("the chart's doctor may take %v seconds, and Helm gives up after 300", deadline)
	}
	delete(ours, "activeDeadlineSeconds")
	for _, spec := range []map[string]any{theirs, ours} {
		container := spec["containers"].([]any)[0].(map[string]any)
		args := container["args"].([]any)
		if args[len(args)-2] != "-wait" {
			t.Errorf("the doctor does not wait: %v", args)
		}
		args[len(args)-1] = "for some time"
		for _, e := range container["env"].([]any) {
			of(e, "valueFrom", "configMapKeyRef").(map[string]any)["name"] = "settings"
		}
	}
	if !reflect.DeepEqual(theirs, ours) {
		a, _ := yaml.Marshal(theirs)
		b, _ := yaml.Marshal(ours)
		t.Errorf("the doctor is in the overlay\n%s\nand in the chart\n%s", a, b)
	}
}

// TestChartObjects decodes what the chart makes strictly, and looks what its objects say of each
// other; another release gets other names.
func TestChartObjects(t *testing.T) {
	text := render(t, "logs", "tenants=true", "systemLogs=true", "events=true",
		"bootstrap.enabled=true")
	for _, name := range []string{"name: logs-opensearch-irsa\n",
		"name: logs-opensearch-irsa-events\n", "serviceAccountName: logs-opensearch-irsa\n"} {
		if !strings.Contains(text, name) {
			t.Errorf("a release called logs has no %q", name)
		}
	}
	o := decode(t, withoutComments(render(t, "opensearch-irsa", "tenants=true", "systemLogs=true",
		"events=true", "networkPolicy.enabled=true", "monitoring.enabled=true", "bootstrap.enabled=true")))
	o.check(t)
	o.checkAgent(t)
	checkFolders(t, o.daemonSets["opensearch-irsa"].Spec.Template.Spec, true)
	hook := o.jobs["opensearch-irsa-bootstrap"].Annotations
	test := o.alone["opensearch-irsa-doctor"].Annotations
	if hook["helm.sh/hook"] != "post-install,post-upgrade" || test["helm.sh/hook"] != "test" {
		t.Errorf("they are no hooks: %v, %v", hook, test)
	}
	// helm uninstall leaves hooks where they are.
	for _, policy := range []string{hook["helm.sh/hook-delete-policy"],
		test["helm.sh/hook-delete-policy"]} {
		if policy != "before-hook-creation,hook-succeeded" {
			t.Errorf("a hook stays behind: %q", policy)
		}
	}
}

// withoutComments is documents as kustomize writes them: decode splits there.
func withoutComments(text string) string {
	text = regexp.MustCompile(`(?m)^# .*\n`).ReplaceAllString(text, "")
	return strings.TrimPrefix(strings.ReplaceAll(text, "\n---\n---\n", "\n---\n"), "---\n")
}

// TestChartRolls has another configuration or setting roll the pods.
func TestChartRolls(t *testing.T) {
	sum := func(set ...string) string {
		found := regexp.MustCompile(`opensearch-irsa/configuration: \w+`).FindString(render(t, "x",
			set...))
		if found == "" {
			t.Fatal("the pods have no checksum")
		}
		return found
	}
	base := sum()
	for _, set := range []string{"indexName=shop", "namespaceOptOut=false", "config.inputs=x"} {
		if sum(set) == base {
			t.Errorf("--set %s rolls no pod", set)
		}
	}
	if sum("monitoring.enabled=true") != base {
		t.Error("what is not the agent's rolls its pods")
	}
}

// TestChartValues has wrong values refused, with their names.
func TestChartValues(t *testing.T) {
	for set, want := range map[string]string{
		"endpoint=":                         "endpoint",
		"endpoint=https://x.example.com":    "endpoint",
		"region=Ireland":                    "region",
		"image.tag=latest":                  "image.tag: write the one that make image printed",
		"multilin=true":                     "multilin",
		"serviceAccount.roleARN=fluent-bit": "roleARN",
		"bootstrap.indexes[0].retention=1x": "retention",
	} {
		out, err := helm(t, append([]string{"template", "x", chart(t)}, values(set)...)...)
		if err == nil || !strings.Contains(out, want) {
			t.Errorf("--set %s: %v, %s; want a word of %s", set, err, out, want)
		}
	}
}

// TestChartLint is helm lint, and a package that has the files behind the links.
func TestChartLint(t *testing.T) {
	if out, err := helm(t, append([]string{"lint", "--strict", chart(t)},
		values()...)...); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	dir := t.TempDir()
	if out, err := helm(t, "package", chart(t), "--destination", dir); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := helm(t, append([]string{"template", "x",
		filepath.Join(dir, "opensearch-irsa-1.0.0.tgz"), "--namespace", "logging"}, values()...)...)
	if err != nil || out != render(t, "x") {
		t.Errorf("the package makes other objects than the folder (%v): the files behind its "+
			"links are missing", err)
	}
}
