package kubernetes

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
)

// TestOverlays builds each overlay with no component, each, all but each, and all.
func TestOverlays(t *testing.T) {
	for overlay, offered := range overlays {
		for _, components := range choices(offered) {
			at := tree(t)
			choose(t, at, overlay, components)
			text := build(t, at, "/overlays/"+overlay)
			o := decode(t, text)
			o.check(t)
			o.checkAgent(t)
			checkFolders(t, o.daemonSets["opensearch-irsa"].Spec.Template.Spec,
				slices.Contains(components, "system-logs"))
			for component, name := range map[string]string{
				"doctor": "Job logging/opensearch-irsa-doctor-", "bootstrap": "Job logging/opensearch-irsa-bootstrap-",
				"monitoring": "PodMonitor logging/opensearch-irsa", "network-policy": "NetworkPolicy logging/opensearch-irsa",
				"events": "Deployment logging/opensearch-irsa-events",
			} {
				if o.has(name) != slices.Contains(components, component) {
					t.Errorf("with %v there is %s: %t", components, name, o.has(name))
				}
			}
			if len(o.namespaces) > 0 {
				t.Error("kubectl delete -k would take the namespace with all that is in it")
			}
			for _, object := range o.all {
				if object.GetLabels()["app.kubernetes.io/part-of"] != "opensearch-irsa" ||
					!strings.HasPrefix(object.GetName(), "opensearch-irsa") {
					t.Errorf("%s is not told from other people's objects: %v", object.GetName(),
						object.GetLabels())
				}
			}
			o.checkIdentity(t, overlay, components)
			if t.Failed() {
				t.Fatalf("overlay %s with %v:\n%s", overlay, components, text)
			}
		}
	}
}

// TestShippedOverlays has each overlay as it is in the tree, and the DaemonSet of somebody else's.
func TestShippedOverlays(t *testing.T) {
	for _, overlay := range []string{"irsa", "pod-identity", "serverless", "existing-daemonset"} {
		o := decode(t, build(t, tree(t), "/overlays/"+overlay))
		o.check(t)
		if overlay == "existing-daemonset" {
			continue
		}
		chosen := tree(t)
		choose(t, chosen, overlay, shippedComponents)
		if build(t, chosen, "/overlays/"+overlay) != build(t, tree(t), "/overlays/"+overlay) {
			t.Errorf("overlay %s has other components than %v", overlay, shippedComponents)
		}
	}
}

// TestKubectl compares what people will run with what these tests run.
func TestKubectl(t *testing.T) {
	kubectl, err := exec.LookPath("kubectl")
	if err != nil {
		t.Skip("kubectl is not on PATH: its kustomize is not compared with the library's, which " +
			"the other tests use")
	}
	for _, overlay := range []string{"irsa", "pod-identity", "serverless", "existing-daemonset"} {
		command := exec.CommandContext(t.Context(), kubectl, "kustomize",
			filepath.Join(moduleRoot(t), "deploy", "kubernetes", "overlays", overlay))
		command.Stderr = os.Stderr
		text, err := command.Output()
		if err != nil {
			t.Fatal(err)
		}
		if ours := build(t, tree(t), "/overlays/"+overlay); strings.TrimSpace(string(text)) != strings.TrimSpace(ours) {
			t.Errorf("overlay %s: kubectl makes\n%s\nand the library\n%s", overlay, text, ours)
		}
	}
}

// TestSampleApp has the application's manifest.
func TestSampleApp(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "deploy", "sample-app",
		"deployment.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	decode(t, string(text)).check(t)
}

// check compares what objects say of each other.
func (o *objects) check(t *testing.T) {
	t.Helper()
	for _, p := range o.pods() {
		o.checkPod(t, p)
	}
	for name, binding := range o.bindings {
		if o.roles[binding.RoleRef.Name] == nil || binding.RoleRef.Kind != "ClusterRole" {
			t.Errorf("ClusterRoleBinding %s is for %v, which is not there", name, binding.RoleRef)
		}
		for _, s := range binding.Subjects {
			if account := o.accounts[s.Name]; s.Kind != "ServiceAccount" || account == nil ||
				account.Namespace != s.Namespace {
				t.Errorf("ClusterRoleBinding %s is of %v, which is not there", name, s)
			}
		}
	}
	agents := o.daemonSets["opensearch-irsa"]
	for name, policy := range o.policies {
		if dns := policy.Spec.Egress[0]; len(dns.To) != 0 || len(dns.Ports) != 2 ||
			dns.Ports[0].Port.IntVal != 53 {
			t.Errorf("NetworkPolicy %s allows DNS to %v alone: NodeLocal DNSCache and Auto Mode "+
				"have it elsewhere", name, dns.To)
		}
		if !selects(t, &policy.Spec.PodSelector, agents.Spec.Template.Labels) {
			t.Errorf("NetworkPolicy %s selects nothing", name)
		}
		for _, rule := range policy.Spec.Ingress {
			for _, port := range rule.Ports {
				checkPort(t, "NetworkPolicy "+name, port.Port.StrVal, agents.Spec.Template.Spec)
			}
		}
	}
	for name, monitor := range o.podMonitors {
		if !selects(t, &monitor.Spec.Selector, agents.Spec.Template.Labels) ||
			len(monitor.Spec.PodMetricsEndpoints) == 0 {
			t.Errorf("PodMonitor %s selects nothing", name)
		}
		for _, endpoint := range monitor.Spec.PodMetricsEndpoints {
			checkPort(t, "PodMonitor "+name, endpoint.Port, agents.Spec.Template.Spec)
		}
	}
}

func selects(t *testing.T, selector *metav1.LabelSelector, of map[string]string) bool {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return !s.Empty() && s.Matches(labels.Set(of))
}

func checkPort(t *testing.T, of, name string, spec corev1.PodSpec) {
	t.Helper()
	for _, c := range spec.Containers {
		for _, port := range c.Ports {
			if port.Name == name {
				return
			}
		}
	}
	t.Errorf("%s: no container has a port %q", of, name)
}

// checkPod looks up all that a pod refers to.
func (o *objects) checkPod(t *testing.T, p pod) {
	t.Helper()
	if p.selector != nil && !selects(t, p.selector, p.labels) {
		t.Errorf("%s does not select its own pods", p.name)
	}
	if p.spec.ServiceAccountName != "" && o.accounts[p.spec.ServiceAccountName] == nil {
		t.Errorf("%s: there is no ServiceAccount %s", p.name, p.spec.ServiceAccountName)
	}
	volumes := map[string]bool{}
	for _, v := range p.spec.Volumes {
		volumes[v.Name] = true
		if v.ConfigMap != nil && o.configs[v.ConfigMap.Name] == nil {
			t.Errorf("%s: there is no ConfigMap %s", p.name, v.ConfigMap.Name)
		}
	}
	mounted := map[string]bool{}
	for _, c := range append(p.spec.InitContainers, p.spec.Containers...) {
		if name, tag, found := strings.Cut(c.Image, ":"); !found || name == "" || tag == "latest" {
			t.Errorf("%s: image %q has no version", p.name, c.Image)
		}
		for _, m := range c.VolumeMounts {
			if !volumes[m.Name] {
				t.Errorf("%s: there is no volume %s", p.name, m.Name)
			}
			mounted[m.Name] = true
		}
		for n, e := range c.Env {
			// The kubelet fills in a variable only if it stands before.
			if _, rest, found := strings.Cut(e.Value, "$("); found {
				name, _, _ := strings.Cut(rest, ")")
				if !slices.ContainsFunc(c.Env[:n],
					func(before corev1.EnvVar) bool { return before.Name == name }) {
					t.Errorf("%s: %s uses %s, which stands behind it", p.name, e.Name, name)
				}
			}
			if e.ValueFrom == nil || e.ValueFrom.ConfigMapKeyRef == nil {
				continue
			}
			ref := e.ValueFrom.ConfigMapKeyRef
			config := o.configs[ref.Name]
			if config == nil || config.Data[ref.Key] == "" {
				t.Errorf("%s: ConfigMap %s has no %s", p.name, ref.Name, ref.Key)
			}
		}
		for _, probe := range []*corev1.Probe{c.LivenessProbe, c.ReadinessProbe, c.StartupProbe} {
			if probe != nil && probe.HTTPGet != nil && probe.HTTPGet.Port.StrVal != "" {
				checkPort(t, p.name, probe.HTTPGet.Port.StrVal, p.spec)
			}
		}
	}
	maps.DeleteFunc(volumes, func(name string, _ bool) bool { return mounted[name] })
	if len(volumes) > 0 {
		t.Errorf("%s: nobody mounts %v", p.name, volumes)
	}
}
