package kubernetes

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// TestValuesOfOtherCharts renders the charts that FLUENT_BIT_CHART names, folders or packages with
// a colon between them, with our values for them: the container then has the plugin where its
// configuration loads it from, state that outlives it, and the output section that we ship.
func TestValuesOfOtherCharts(t *testing.T) {
	paths := os.Getenv("FLUENT_BIT_CHART")
	if paths == "" {
		t.Skip("FLUENT_BIT_CHART names no chart of fluent/helm-charts or aws/eks-charts")
	}
	for path := range strings.SplitSeq(paths, ":") {
		about, err := helm(t, "show", "chart", path)
		if err != nil {
			t.Fatalf("%v: %s", err, about)
		}
		var chart struct{ Name, Version string }
		if err := yaml.Unmarshal([]byte(about), &chart); err != nil {
			t.Fatal(err)
		}
		t.Run(chart.Name+" "+chart.Version, func(t *testing.T) {
			file := filepath.Join(moduleRoot(t), "deploy", "helm", "values", chart.Name+".yaml")
			out, err := helm(t, "template", chart.Name, path, "--namespace", "logging", "--values", file)
			if err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			checkOtherChart(t, chart.Name, out)
			if text, err := os.ReadFile(file); err != nil ||
				!strings.Contains(string(text), chart.Version) {
				t.Errorf("%s does not say that it was rendered with %s (%v)", file, chart.Version, err)
			}
		})
	}
}

func checkOtherChart(t *testing.T, name, text string) {
	t.Helper()
	var set appsv1.DaemonSet
	var account corev1.ServiceAccount
	configs := map[string]corev1.ConfigMap{}
	for _, document := range regexp.MustCompile(`(?m)^---\n`).Split(text, -1) {
		var config corev1.ConfigMap
		switch {
		case strings.Contains(document, "\nkind: DaemonSet\n"):
			if err := yaml.UnmarshalStrict([]byte(document), &set); err != nil {
				t.Fatal(err)
			}
		case strings.Contains(document, "\nkind: ServiceAccount\n"):
			if err := yaml.UnmarshalStrict([]byte(document), &account); err != nil {
				t.Fatal(err)
			}
		case strings.Contains(document, "\nkind: ConfigMap\n"):
			if err := yaml.UnmarshalStrict([]byte(document), &config); err != nil {
				t.Fatal(err)
			}
			configs[config.Name] = config
		}
	}
	pod := set.Spec.Template.Spec
	if len(pod.Containers) != 1 {
		t.Fatalf("there is no DaemonSet with one container:\n%s", text)
	}
	c := pod.Containers[0]
	mounted := func(of corev1.Container, path string) (v corev1.Volume, mount corev1.VolumeMount) {
		for _, m := range of.VolumeMounts {
			if m.MountPath == path {
				n := slices.IndexFunc(pod.Volumes,
					func(v corev1.Volume) bool { return v.Name == m.Name })
				if n < 0 {
					t.Fatalf("no volume for the mount %s", m.Name)
				}
				return pod.Volumes[n], m
			}
		}
		return v, mount
	}
	files := map[string]string{}
	for _, v := range pod.Volumes {
		if v.ConfigMap != nil {
			for file, text := range configs[v.ConfigMap.Name].Data {
				files[file] = text
			}
		}
	}
	all := sections(t, files, "fluent-bit.conf")
	service, input, output := one(t, all, "SERVICE", "Plugins_File", ""),
		one(t, all, "INPUT", "Name", "tail"), one(t, all, "OUTPUT", "Name", "opensearch_irsa")

	// The plugin: by the image, or by an init container from it.
	plugins := filepath.Dir(service.get("Plugins_File"))
	if len(pod.InitContainers) == 1 {
		init := pod.InitContainers[0]
		into := init.Command[len(init.Command)-1]
		from, _ := mounted(init, into)
		if to, mount := mounted(c, plugins); to.EmptyDir == nil || from.Name != to.Name ||
			!mount.ReadOnly {
			t.Errorf("the init container fills %q and the agent loads the plugin from %q of %q",
				from.Name, plugins, to.Name)
		}
		if filepath.Base(init.Command[0]) != "opensearch-irsa-install" ||
			!strings.Contains(init.Image, "example/") {
			t.Errorf("the init container runs %q of %s", init.Command, init.Image)
		}
	} else if !strings.Contains(c.Image, "example/") || len(pod.InitContainers) != 0 {
		t.Errorf("the image %s has no plugin, and there are %d init containers", c.Image,
			len(pod.InitContainers))
	}
	if service.get("Plugins_File") != defaults(t)["FLUENT_BIT_PLUGINS"] {
		t.Errorf("Plugins_File is %q", service.get("Plugins_File"))
	}

	// State on the node, and time enough to end.
	if v, mount := mounted(c, "/var/fluent-bit/state"); v.HostPath == nil || mount.ReadOnly {
		t.Error("nothing keeps state on the node")
	}
	for _, path := range []string{service.get("storage.path"), input.get("DB")} {
		if !strings.HasPrefix(path, "/var/fluent-bit/state/") {
			t.Errorf("%q is lost with the pod", path)
		}
	}
	ends := 30 * time.Second
	if s := pod.TerminationGracePeriodSeconds; s != nil {
		ends = time.Duration(*s) * time.Second
	}
	grace, timeout := seconds(t, service.get("Grace")), 25*time.Second
	if output.get("Request_Timeout") != "" {
		timeout = seconds(t, strings.TrimSuffix(output.get("Request_Timeout"), "s"))
	}
	if timeout >= grace || grace >= ends {
		t.Errorf("a request may take %s, Fluent Bit's end %s, and the pod's %s", timeout, grace, ends)
	}

	// Probes by which an outage restarts nobody, role, its own log left out, and the output as we
	// ship it.
	live, ready := c.LivenessProbe.HTTPGet, c.ReadinessProbe.HTTPGet
	if live == nil || live.Path != "/" || ready == nil || ready.Path != "/healthz" ||
		":"+ready.Port.String() != output.get("Metrics_Listen") {
		t.Errorf("the probes are %v and %v", live, ready)
	}
	if account.Name != pod.ServiceAccountName ||
		account.Annotations["eks.amazonaws.com/role-arn"] == "" {
		t.Errorf("the pod's account is %q, and %q has the role %q", pod.ServiceAccountName,
			account.Name, account.Annotations["eks.amazonaws.com/role-arn"])
	}
	own := "/var/log/containers/" + name + "-x7k2p_logging_" + c.Name + "-" +
		strings.Repeat("0a", 32) + ".log"
	if !matches(input.get("Exclude_Path"), own) || input.get("Read_from_Head") != "On" ||
		input.get("storage.type") != "filesystem" {
		t.Errorf("the agent reads its own log, misses old lines or buffers in memory: %v",
			input.keys)
	}
	node, _ := agentFiles(t)
	for key, value := range one(t, sections(t, node, "fluent-bit.conf"), "OUTPUT", "Name",
		"opensearch_irsa").keys {
		value = strings.NewReplacer("${INDEX_NAME}", "eks-log", "${FLUENT_BIT_METRICS_PORT}",
			"2021").Replace(value)
		if output.get(key) != value {
			t.Errorf("%s is %q, and %q in the shipped configuration", key, output.get(key), value)
		}
	}
}

func seconds(t *testing.T, text string) time.Duration {
	t.Helper()
	d, err := time.ParseDuration(text + "s")
	if err != nil {
		t.Fatal(err)
	}
	return d
}
