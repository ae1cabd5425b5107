package kubernetes

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestMonitoring compares the cluster's objects with the files of deploy/monitoring, and looks
// whether what selects them finds them.
func TestMonitoring(t *testing.T) {
	at := tree(t)
	choose(t, at, "irsa", []string{"monitoring", "network-policy"})
	file := "/overlays/irsa/kustomization.yaml"
	text, err := at.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.NewReplacer("PROMETHEUS_NAMESPACE=monitoring",
		"PROMETHEUS_NAMESPACE=observability", "PROMETHEUS_RELEASE=kube-prometheus-stack", "PROMETHEUS_RELEASE=prom")
	if err := at.WriteFile(file, []byte(changed.Replace(string(text)))); err != nil {
		t.Fatal(err)
	}
	o := decode(t, build(t, at, "/overlays/irsa"))
	read := func(name string) []byte {
		t.Helper()
		text, err := os.ReadFile(filepath.Join(moduleRoot(t), "deploy", "monitoring", name))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	var want any
	if err := yaml.Unmarshal(read("alerts.yaml"), &want); err != nil {
		t.Fatal(err)
	}
	rules := o.alertRules["opensearch-irsa"]
	if rules == nil || !reflect.DeepEqual(rules.Spec, want) {
		t.Errorf("the PrometheusRule is not deploy/monitoring/alerts.yaml: %v", rules)
	}
	dashboard := o.configs["opensearch-irsa-dashboard"]
	if dashboard == nil || dashboard.Data["dashboard.json"] != string(read("dashboard.json")) ||
		dashboard.Labels["grafana_dashboard"] != "1" {
		t.Error("the dashboard is not deploy/monitoring/dashboard.json, or Grafana does not find " +
			"it: cp deploy/monitoring/dashboard.json deploy/kubernetes/components/monitoring/")
	}
	if release := o.podMonitors["opensearch-irsa"].Labels["release"]; release != "prom" ||
		rules.Labels["release"] != "prom" {
		t.Errorf("kube-prometheus-stack does not find the PodMonitor (release %q) "+
			"or the rules (%q)", release, rules.Labels["release"])
	}
	from := o.policies["opensearch-irsa"].Spec.Ingress[0].From[0].NamespaceSelector.MatchLabels
	if from["kubernetes.io/metadata.name"] != "observability" {
		t.Errorf("the NetworkPolicy lets in %v", from)
	}
}
