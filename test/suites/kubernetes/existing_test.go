package kubernetes

import (
	"path/filepath"
	"strings"
	"testing"
)

// TestExistingDaemonSet looks at what the patch makes of somebody else's DaemonSet: its
// configuration finds the plugin's section where the patch puts it, and the plugin has what it
// needs.
func TestExistingDaemonSet(t *testing.T) {
	o := decode(t, build(t, tree(t), "/overlays/existing-daemonset"))
	pod := o.daemonSets["aws-for-fluent-bit"].Spec.Template.Spec
	c := pod.Containers[0]
	if strings.Contains(c.Image, "aws-for-fluent-bit") ||
		*pod.TerminationGracePeriodSeconds <= 30 || c.LivenessProbe.HTTPGet.Path != "/" {
		t.Errorf("the patch does not replace the image %s, the time to end %d or "+
			"the liveness probe %s", c.Image, *pod.TerminationGracePeriodSeconds, c.LivenessProbe.HTTPGet.Path)
	}
	files := map[string]string{}
	for _, v := range pod.Volumes {
		if v.ConfigMap == nil {
			continue
		}
		for _, m := range c.VolumeMounts {
			for name, text := range o.configs[v.ConfigMap.Name].Data {
				if m.Name == v.Name {
					files[filepath.Join(m.MountPath, name)] = text
				}
			}
		}
	}
	all := sections(t, files, "/fluent-bit/etc/fluent-bit.conf")
	service, output := one(t, all, "SERVICE", "Grace", "30"),
		one(t, all, "OUTPUT", "Name", "opensearch_irsa")
	if service.get("Plugins_File") != defaults(t)["FLUENT_BIT_PLUGINS"] {
		t.Errorf("Plugins_File is %q", service.get("Plugins_File"))
	}
	input := one(t, all, "INPUT", "Name", "tail")
	own := "/var/log/containers/agent-x7k2p_logging_" + c.Name + "-" + strings.Repeat("0a", 32) + ".log"
	if input.get("Read_from_Head") != "On" || !matches(input.get("Exclude_Path"), own) ||
		matches(input.get("Exclude_Path"), strings.ReplaceAll(own, c.Name, "web")) {
		t.Errorf("the switch-over loses lines (Read_from_Head %q), or the agent reads its own "+
			"log (Exclude_Path %q)", input.get("Read_from_Head"), input.get("Exclude_Path"))
	}
	told, err := tree(t).ReadFile("/overlays/existing-daemonset/kustomization.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"Plugins_File " +
		service.get("Plugins_File"), "Grace 30", "Read_from_Head On", "Exclude_Path " +
		input.get("Exclude_Path"), "trust the account that this DaemonSet has, " +
		pod.ServiceAccountName} {
		if !strings.Contains(string(told), line) {
			t.Errorf("nobody is told of %q", line)
		}
	}
	writable := false
	for _, m := range c.VolumeMounts {
		writable = writable || m.MountPath == "/var/fluent-bit/state" && !m.ReadOnly
	}
	if !writable || !strings.HasPrefix(service.get("storage.path"), "/var/fluent-bit/state/") {
		t.Errorf("chunks go to %q, and state is writable: %t", service.get("storage.path"),
			writable)
	}
	node, _ := agentFiles(t)
	ours := one(t, sections(t, node, "fluent-bit.conf"), "OUTPUT", "Name", "opensearch_irsa")
	for key, value := range ours.keys {
		if output.get(key) != value {
			t.Errorf("%s is %q, and %q in the shipped configuration", key, output.get(key), value)
		}
	}
	if role := o.accounts[pod.ServiceAccountName].Annotations["eks.amazonaws.com/role-arn"]; role != o.settings(t)["FLUENT_BIT_ROLE_ARN"] {
		t.Errorf("the account's role is %q", role)
	}
}
