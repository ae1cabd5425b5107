package kubernetes

import (
	"cmp"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"

	"out_opensearch_irsa/internal/config"
)

// section is one of a classic configuration.
type section struct {
	name string
	keys map[string]string // values by key, in lower case
}

func (s section) get(key string) string { return s.keys[strings.ToLower(key)] }

// sections reads a file of the ConfigMap and what it includes.
func sections(t *testing.T, files map[string]string, name string) []section {
	t.Helper()
	text, known := files[name]
	if !known {
		t.Fatalf("the ConfigMap has no %s", name)
	}
	var all []section
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		if included, is := strings.CutPrefix(line, "@INCLUDE "); is {
			all = append(all, sections(t, files, included)...)
			continue
		}
		if strings.HasPrefix(line, "[") {
			all = append(all, section{strings.Trim(line, "[]"), map[string]string{}})
			continue
		}
		key, value, _ := strings.Cut(line, " ")
		key = strings.ToLower(key)
		into := all[len(all)-1].keys
		if _, twice := into[key]; twice {
			t.Errorf("%s has %s twice in a section", name, key)
		}
		into[key] = strings.TrimSpace(value)
	}
	return all
}

// one returns the only section of a name that has a key, with a value unless that is empty.
func one(t *testing.T, all []section, name, key, value string) section {
	t.Helper()
	var found []section
	for _, s := range all {
		if s.name == name && s.get(key) != "" && (value == "" || s.get(key) == value) {
			found = append(found, s)
		}
	}
	if len(found) != 1 {
		t.Fatalf("there are %d sections [%s] with %s %s", len(found), name, key, value)
	}
	return found[0]
}

// agentFiles are the ConfigMap's files of the overlay irsa with its components, or others.
func agentFiles(t *testing.T, components ...string) (map[string]string, *objects) {
	t.Helper()
	at := tree(t)
	choose(t, at, "irsa", components)
	o := decode(t, build(t, at, "/overlays/irsa"))
	volumes := o.daemonSets["opensearch-irsa"].Spec.Template.Spec.Volumes
	n := slices.IndexFunc(volumes, func(v corev1.Volume) bool { return v.Name == "config" })
	return o.configs[volumes[n].ConfigMap.Name].Data, o
}

// core are the keys of an [OUTPUT] section that Fluent Bit keeps for itself.
var core = []string{"name", "match", "match_regex", "alias", "log_level", "workers", "retry_limit",
	"storage.total_limit_size"}

// TestOutputOptions has only options in the output sections that exist, with values that are
// understood.
func TestOutputOptions(t *testing.T) {
	files, o := agentFiles(t, shippedComponents...)
	existing, err := tree(t).ReadFile("/overlays/existing-daemonset/opensearch.conf")
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, option := range config.Options {
		names[strings.ToLower(option.Name)] = true
	}
	env := o.settings(t)
	env["AWS_ROLE_ARN"], env["AWS_WEB_IDENTITY_TOKEN_FILE"] = "arn:aws:iam::123456789012:role/fluent-bit", "/dev/null"
	for _, all := range [][]section{sections(t, files, "fluent-bit.conf"),
		sections(t, map[string]string{"x": string(existing)}, "x")} {
		output := one(t, all, "OUTPUT", "Name", "opensearch_irsa")
		for key := range output.keys {
			if !names[key] && !slices.Contains(core, key) {
				t.Errorf("there is no option %s", key)
			}
		}
		expand := func(option string) string {
			return os.Expand(output.get(option),
				func(name string) string { return cmp.Or(env[name], defaults(t)[name]) })
		}
		loaded, err := config.Load(func(option string) string {
			if strings.Contains(output.get(option), "${") {
				return expand(option)
			}
			return output.get(option)
		}, func(name string) string { return env[name] })
		if err != nil {
			t.Fatal(err)
		}
		if loaded.Index != "eks-log-%Y.%m.%d" || loaded.MetricsListen != ":2021" ||
			!loaded.GenerateID {
			t.Errorf("index %q, metrics %q, ids %t", loaded.Index, loaded.MetricsListen,
				loaded.GenerateID)
		}
	}
}

var (
	inHead   = regexp.MustCompile(`(?m)^#   ([A-Z_]+) +\S.*?  +(\S+)`)
	variable = regexp.MustCompile(`\$\{([A-Z_]+)\}`)
)

// defaults are the values that the head of the configuration tells of each variable.
func defaults(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(moduleRoot(t), "fluent-bit.conf"))
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for _, m := range inHead.FindAllStringSubmatch(string(text), -1) {
		all[m[1]] = m[2]
	}
	return all
}

// TestEnvironment compares what the configuration takes from the environment with its head, and
// with what the DaemonSet sets.
func TestEnvironment(t *testing.T) {
	files, o := agentFiles(t, shippedComponents...)
	used := map[string]bool{}
	for _, m := range variable.FindAllStringSubmatch(strings.Join(slices.Collect(maps.Values(files)), "\n"), -1) {
		if m[1] != "NAME" { // the head speaks of ${NAME}
			used[m[1]] = true
		}
	}
	told := defaults(t)
	if got, want := slices.Sorted(maps.Keys(told)),
		slices.Sorted(maps.Keys(used)); !slices.Equal(got, want) {
		t.Errorf("the head tells of %v, and the configuration uses %v", got, want)
	}
	container := o.daemonSets["opensearch-irsa"].Spec.Template.Spec.Containers[0]
	set := map[string]bool{}
	for _, e := range container.Env {
		set[e.Name] = true
	}
	for name := range used {
		if !strings.HasPrefix(name, "FLUENT_BIT_") && !set[name] {
			t.Errorf("nobody sets %s", name)
		}
	}
	for _, port := range container.Ports {
		if want := told["FLUENT_BIT_"+strings.ToUpper(port.Name)+"_PORT"]; strconv.Itoa(int(port.ContainerPort)) != want {
			t.Errorf("port %s is %d, and the configuration listens at %q", port.Name,
				port.ContainerPort, want)
		}
	}
	mounts := map[string]bool{}
	for _, m := range container.VolumeMounts {
		mounts[m.MountPath] = true
	}
	if logs := filepath.Dir(told["FLUENT_BIT_LOGS"]); !mounts[logs] ||
		!mounts[told["FLUENT_BIT_STATE"]] {
		t.Errorf("%s or %s is not mounted", logs, told["FLUENT_BIT_STATE"])
	}
}

// TestShippedConfiguration compares times, and the names by which files know each other.
func TestShippedConfiguration(t *testing.T) {
	files, o := agentFiles(t, shippedComponents...)
	root, err := os.ReadFile(filepath.Join(moduleRoot(t), "fluent-bit.conf"))
	if err != nil || string(root) != files["node.conf"] {
		t.Errorf("the repository's fluent-bit.conf is not the ConfigMap's node.conf (%v): cp "+
			"fluent-bit.conf deploy/kubernetes/base/node.conf", err)
	}
	all := sections(t, files, "fluent-bit.conf")
	service := one(t, all, "SERVICE", "Grace", "")
	grace, err := strconv.Atoi(service.get("Grace"))
	if err != nil {
		t.Fatal(err)
	}
	pod := o.daemonSets["opensearch-irsa"].Spec.Template.Spec
	if *pod.TerminationGracePeriodSeconds <= int64(grace) {
		t.Errorf("terminationGracePeriodSeconds %d is not above Grace %d",
			*pod.TerminationGracePeriodSeconds, grace)
	}
	for _, option := range config.Options {
		if option.Name != "Request_Timeout" {
			continue
		}
		if timeout, err := time.ParseDuration(option.Default); err != nil ||
			timeout >= time.Duration(grace)*time.Second {
			t.Errorf("Request_Timeout %s is not below Grace %d (%v)", option.Default, grace, err)
		}
	}
	input := one(t, all, "INPUT", "Name", "tail")
	if input.get("storage.type") != "filesystem" || input.get("DB") == "" ||
		one(t, all, "OUTPUT", "Name", "opensearch_irsa").get("storage.total_limit_size") == "" {
		t.Error("chunks are not on the disk, or without a limit")
	}
	// The name is a container's in a file name of the kubelet's: POD_NAMESPACE_CONTAINER-ID.log.
	own := "/var/log/containers/fluent-bit-x7k2p_logging_" + pod.Containers[0].Name + "-" +
		strings.Repeat("0a", 32) + ".log"
	for file, want := range map[string]bool{own: true,
		strings.ReplaceAll(own, "fluent-bit-0a", "app-0a"):                                  false,
		strings.ReplaceAll(own, "logging_", "fluent-bit-lab_"):                              true,
		"/var/log/containers/web-1_fluent-bit-lab_app-" + strings.Repeat("0a", 32) + ".log": false} {
		if got := matches(input.get("Exclude_Path"), file); got != want {
			t.Errorf("Exclude_Path leaves out %s: %t", file, got)
		}
	}
}

// matches is fnmatch without flags, by which Fluent Bit compares: a star stands for slashes too.
func matches(pattern, path string) bool {
	parts := strings.Split(pattern, "*")
	for n := range parts {
		parts[n] = regexp.QuoteMeta(parts[n])
	}
	return regexp.MustCompile("^" + strings.Join(parts, ".*") + "$").MatchString(path)
}
