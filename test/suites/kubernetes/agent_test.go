package kubernetes

import (
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
)

// checkAgent looks at what our own agent must have, and must not.
func (o *objects) checkAgent(t *testing.T) {
	t.Helper()
	spec := o.daemonSets["opensearch-irsa"].Spec
	pod := spec.Template.Spec
	if pod.HostNetwork || pod.HostPID || pod.HostIPC || len(pod.Containers) != 1 {
		t.Fatalf("the agent's pod has more than it needs: %+v", pod)
	}
	verbs := "get"
	for _, beside := range pod.InitContainers { // the component pod-metadata's
		verbs = "get list watch"
		if beside.Name != "metadata" ||
			*beside.RestartPolicy != corev1.ContainerRestartPolicyAlways ||
			beside.Resources.Limits.Memory().IsZero() || beside.StartupProbe == nil {
			t.Errorf("beside the agent there is %+v", beside)
		}
	}
	c := pod.Containers[0]
	for _, one := range append(pod.InitContainers, c) {
		checkSecurity(t, pod, one.SecurityContext)
	}
	if spec.UpdateStrategy.RollingUpdate.MaxUnavailable.StrVal != "10%" ||
		pod.PriorityClassName == "" || len(pod.Tolerations) != 1 ||
		pod.Tolerations[0] != (corev1.Toleration{Operator: corev1.TolerationOpExists}) {
		t.Error("the agent is not on every node, or not rolled by tenths")
	}
	if c.Resources.Limits.Memory().IsZero() || !c.Resources.Limits.Cpu().IsZero() ||
		c.Resources.Requests.Cpu().IsZero() ||
		c.Resources.Requests.Memory().Cmp(*c.Resources.Limits.Memory()) > 0 {
		t.Errorf("resources %+v", c.Resources)
	}
	if rules := o.roles["opensearch-irsa"].Rules; len(rules) != 1 ||
		strings.Join(rules[0].Verbs, " ") != verbs ||
		strings.Join(rules[0].Resources, " ") != "pods namespaces" ||
		strings.Join(rules[0].APIGroups, " ") != "" {
		t.Errorf("the agent may ask the API server for %+v", rules)
	}
	if account := o.accounts["opensearch-irsa"]; account.Namespace != "logging" ||
		pod.ServiceAccountName != account.Name {
		t.Errorf("the agent's account is %s/%s, and deploy/ fills logging/opensearch-irsa into "+
			"the trust policy", account.Namespace, pod.ServiceAccountName)
	}
}

// checkSecurity fails unless a container may do nothing that any container may not.
func checkSecurity(t *testing.T, pod corev1.PodSpec, security *corev1.SecurityContext) {
	t.Helper()
	if !*security.ReadOnlyRootFilesystem || *security.AllowPrivilegeEscalation ||
		security.Privileged != nil || len(security.Capabilities.Add) > 0 ||
		len(security.Capabilities.Drop) != 1 || security.Capabilities.Drop[0] != "ALL" ||
		pod.SecurityContext.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
		t.Errorf("the agent may do more than it needs: %+v", security)
	}
}

// checkFolders fails unless the pod sees of the node what the configuration reads and writes, and
// no more.
func checkFolders(t *testing.T, pod corev1.PodSpec, systemLogs bool) {
	t.Helper()
	want := map[string]bool{"/var/log/containers": true, "/var/log/pods": true, "/var/fluent-bit/opensearch-irsa": false} // whether it is read only
	if systemLogs {
		want["/var/log/journal"], want["/etc/machine-id"] = true, true
	}
	paths := map[string]string{}
	for _, v := range pod.Volumes {
		if v.HostPath != nil {
			paths[v.Name] = v.HostPath.Path
		}
	}
	for _, m := range pod.Containers[0].VolumeMounts {
		path, host := paths[m.Name]
		if !host {
			continue
		}
		if len(pod.InitContainers) > 0 && m.SubPath == "containers" { // the component pod-metadata's links instead of the node's
			path = "/var/log/containers"
		}
		if readOnly, known := want[path]; !known || m.ReadOnly != readOnly ||
			m.MountPath != path && m.MountPath != "/var/fluent-bit/state" {
			t.Errorf("the node's %s is mounted at %s, read only: %t", path, m.MountPath, m.ReadOnly)
		}
		delete(want, path)
	}
	if len(want) > 0 {
		t.Errorf("%v are not mounted", want)
	}
}

// checkIdentity fails unless the accounts have their roles in the way of the overlay.
func (o *objects) checkIdentity(t *testing.T, overlay string, components []string) {
	t.Helper()
	const annotation = "eks.amazonaws.com/role-arn"
	settings := o.settings(t)
	want := map[string]string{"opensearch-irsa": settings["FLUENT_BIT_ROLE_ARN"]}
	if slices.Contains(components, "bootstrap") {
		want["opensearch-irsa-bootstrap"] = settings["BOOTSTRAP_ROLE_ARN"]
	}
	if slices.Contains(components, "events") {
		want["opensearch-irsa-events"] = settings["FLUENT_BIT_ROLE_ARN"]
	}
	if len(o.accounts) != len(want) {
		t.Errorf("there are %d accounts, want %v", len(o.accounts), want)
	}
	for name, role := range want {
		got, annotated := o.accounts[name].Annotations[annotation]
		if overlay == "pod-identity" {
			if annotated {
				t.Errorf("%s has an annotation, which Pod Identity does not read", name)
			}
		} else if got == "" || got != role {
			t.Errorf("%s has the role %q, and the settings say %q", name, got, role)
		}
	}
	if host := settings["OPENSEARCH_ENDPOINT"]; host == "" || strings.Contains(host, "/") {
		t.Errorf("OPENSEARCH_ENDPOINT is %q, and not a host name alone", host)
	}
}

// settings are the data of the ConfigMap that the settings file makes.
func (o *objects) settings(t *testing.T) map[string]string {
	t.Helper()
	for name, config := range o.configs {
		if strings.HasPrefix(name, "opensearch-irsa-settings-") {
			return config.Data
		}
	}
	t.Fatal("there is no ConfigMap opensearch-irsa-settings with a hash behind its name")
	return nil
}
