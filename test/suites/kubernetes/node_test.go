package kubernetes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"out_opensearch_irsa/test/fixtures/ports"
	"out_opensearch_irsa/test/fixtures/stack"
)

// cluster is a node of a cluster and the domain that its agent sends to.
type cluster struct {
	*stack.Node
	t     *testing.T
	host  stack.FluentBitHost
	dir   string // the node's /var/log
	etc   string // the ConfigMap, as it is mounted
	agent corev1.Container
	ports map[string]string // by name: what each of the agent's ports is here
	name  string            // what INDEX_NAME says
}

// index is the indices that get the node's records.
func (c *cluster) index() string { return c.name + "-2*" }

// world is the domain, STS and API server that the tests share, once one of them needs it; TestMain
// ends it.
var world *stack.Stack

func TestMain(m *testing.M) {
	code := m.Run()
	if world != nil {
		if err := world.Close(); err != nil {
			fmt.Println("kubernetes tests:", err)
			code = 1
		}
	}
	os.Exit(code)
}

// newCluster lays out a node, and starts the world if it is the first. It skips where the machine
// lacks what that needs.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	return newClusterOf(t, shippedComponents...)
}

// newClusterOf has these components; none with an old agent.
func newClusterOf(t *testing.T, components ...string) *cluster {
	t.Helper()
	if unmet := stack.Unmet("OPENSEARCH_HOME", "PLUGIN_SO"); unmet != "" {
		stack.Missing(t, unmet)
	}
	c := &cluster{t: t, ports: map[string]string{}, name: "eks-log-" + strings.ToLower(t.Name())}
	ctx, cancel := context.WithTimeout(t.Context(), stack.Patience)
	defer cancel()
	var err error
	if c.host, err = stack.FindFluentBit(ctx); err != nil {
		t.Fatal(err)
	}
	if c.old() {
		components = []string{}
	}
	files, o := agentFiles(t, components...)
	c.agent = o.daemonSets["opensearch-irsa"].Spec.Template.Spec.Containers[0]
	var rules []stack.Rule
	for _, rule := range o.roles["opensearch-irsa"].Rules {
		rules = append(rules, stack.Rule{Verbs: rule.Verbs, Resources: rule.Resources})
	}
	if world == nil {
		if world, err = stack.New(ctx,
			stack.Options{OpenSearchHome: os.Getenv("OPENSEARCH_HOME"),
				KubeRules: rules}); err != nil {
			t.Fatal(err)
		}
	}
	c.layOut(files)
	return c
}

// old tells whether the agent is a Fluent Bit that the shipped components are not for.
func (c *cluster) old() bool { return strings.HasPrefix(c.host.Version, "Fluent Bit v1.") }

// layOut makes the node's folders and mounts the ConfigMap.
func (c *cluster) layOut(files map[string]string) {
	c.t.Helper()
	var err error
	if c.dir, err = stack.NewNodeDir(); err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = os.RemoveAll(c.dir) })
	if c.Node, err = stack.NewNode(c.dir, ""); err != nil {
		c.t.Fatal(err)
	}
	c.etc = filepath.Join(c.dir, "etc")
	if err := os.Mkdir(c.etc, 0o700); err != nil {
		c.t.Fatal(err)
	}
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(c.etc, name), []byte(text), 0o600); err != nil {
			c.t.Fatal(err)
		}
	}
}

// addPod makes a pod of the node and the API server's answer about it.
func (c *cluster) addPod(p stack.Pod) *stack.Pods {
	c.t.Helper()
	p.Node = "ip-10-0-0-1.eu-central-1.compute.internal"
	p.Containers = map[string]string{"app": "registry.example.com/" + p.Name + ":1.0.0"}
	logs, err := stack.NewPods(c.dir, p.Namespace, p.Name)
	if err == nil {
		err = world.Kube.PutPod(p)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = logs.Close() })
	return logs
}

// start runs the agent with the environment that the DaemonSet, the image and EKS give it, and
// waits until it delivers.
func (c *cluster) start() *stack.FluentBit {
	c.t.Helper()
	given := map[string]string{}
	for _, pair := range c.Env() {
		name, value, _ := strings.Cut(pair, "=")
		given[name] = value
	}
	for _, port := range c.agent.Ports {
		c.ports[port.Name] = ports.For(c.t)
		given["FLUENT_BIT_"+strings.ToUpper(port.Name)+"_PORT"] = c.ports[port.Name]
	}
	daemonSet := map[string]bool{}
	for _, e := range c.agent.Env {
		daemonSet[e.Name] = true
	}
	for _, pair := range world.Env() {
		name, value, _ := strings.Cut(pair, "=")
		if _, set := given[name]; set {
			continue
		}
		// What is not the webhook's or the image's must be the DaemonSet's; where the test's domain
		// and CA are, nobody else knows.
		test := name == "AWS_ENDPOINT_URL_STS" || name == "SSL_CERT_FILE"
		if strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "FLUENT_BIT_") || test ||
			daemonSet[name] {
			given[name] = value
		}
	}
	given["INDEX_NAME"] = c.name
	for _, e := range c.agent.Env {
		if e.Name == "INDEX_NAME" && e.Value != "" { // made of another variable, as the kubelet fills it in
			given["INDEX_NAME"] = strings.ReplaceAll(e.Value, "$(INDEX_PREFIX)", c.name)
		}
	}
	options := stack.FluentBitOptions{Config: filepath.Join(c.etc, "fluent-bit.conf"), Dir: c.dir}
	for name, value := range given {
		options.Env = append(options.Env, name+"="+value)
	}
	agent, err := stack.StartFluentBit(c.host, options)
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() {
		_ = agent.Close()
		if c.t.Failed() {
			c.t.Logf("the agent's last lines:\n%s", agent.Tail(25))
		}
	})
	if err := agent.WaitStarted(c.t.Context()); err != nil {
		c.t.Fatal(err)
	}
	return agent
}

// document is what is of interest of one.
type document struct {
	Timestamp    string         `json:"@timestamp"`
	Log          string         `json:"log"`
	LogProcessed map[string]any `json:"log_processed"`
	Kubernetes   struct {
		Pod         string            `json:"pod_name"`
		Namespace   string            `json:"namespace_name"`
		Host        string            `json:"host"`
		Container   string            `json:"container_name"`
		Image       string            `json:"container_image"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"kubernetes"`
	OfNamespace json.RawMessage `json:"kubernetes_namespace"`
}

// documents returns all that there are, in their order in time.
func (c *cluster) documents() ([]document, error) {
	if err := world.OpenSearch.Refresh(c.t.Context(), c.index()); err != nil {
		return nil, err
	}
	const most = 200_000
	status, answer, err := world.OpenSearch.Do(c.t.Context(), "PUT", "/"+c.index()+"/_settings",
		fmt.Sprintf(`{"index.max_result_window":%d}`, most))
	if err == nil && status == http.StatusOK {
		status, answer, err = world.OpenSearch.Do(c.t.Context(), "POST", "/"+c.index()+"/_search",
			fmt.Sprintf(`{"size":%d,"sort":["@timestamp"]}`, most))
	}
	if err != nil || status != http.StatusOK {
		return nil, fmt.Errorf("cannot search: %d %.300s (%w)", status, answer, err)
	}
	var found struct {
		Hits struct {
			Hits []struct {
				Source document `json:"_source"`
			}
		}
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		return nil, err
	}
	var all []document
	for _, hit := range found.Hits.Hits {
		all = append(all, hit.Source)
	}
	return all, nil
}

// lines are the log lines of documents: a stack trace is one document and has many.
func lines(of []document) []string {
	var all []string
	for _, d := range of {
		all = append(all, strings.Split(strings.TrimSuffix(d.Log, "\n"), "\n")...)
	}
	return all
}

// await polls until there are so many lines.
func (c *cluster) await(want int) []document {
	c.t.Helper()
	var all []document
	err := stack.Poll(c.t.Context(), stack.Patience, func() (err error) {
		if all, err = c.documents(); err == nil && len(lines(all)) < want {
			err = fmt.Errorf("%d of %d lines are in the index", len(lines(all)), want)
		}
		return err
	})
	if err != nil {
		c.t.Fatal(err)
	}
	return all
}

// runSampleApp runs the application and returns what it wrote, line by line.
func runSampleApp(t *testing.T, events int) (stdout, stderr []string) {
	t.Helper()
	program := filepath.Join(t.TempDir(), "sample-app")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program,
		"out_opensearch_irsa/deploy/sample-app").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var out, wrong bytes.Buffer
	command := exec.CommandContext(t.Context(), program, "-events", fmt.Sprint(events), "-rate", "0")
	command.Stdout, command.Stderr = &out, &wrong
	if err := command.Run(); err != nil {
		t.Fatal(err)
	}
	split := func(b *bytes.Buffer) []string {
		return strings.Split(strings.TrimSuffix(b.String(),
			"\n"), "\n")
	}
	return split(&out), split(&wrong)
}

// probe asks as the kubelet does.
func (c *cluster) probe(name string, p *corev1.Probe) {
	c.t.Helper()
	c.get(name, p.HTTPGet.Port.StrVal, p.HTTPGet.Path)
}

func (c *cluster) get(name, port, path string) string {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodGet,
		"http://127.0.0.1:"+c.ports[port]+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Errorf("%s: %v", name, err)
		return ""
	}
	var body bytes.Buffer
	_, err = body.ReadFrom(answer.Body)
	if err = errors.Join(err, answer.Body.Close()); err != nil ||
		answer.StatusCode != http.StatusOK {
		c.t.Errorf("%s: %s answered %d %.200s (%v)", name, path, answer.StatusCode, body.String(), err)
	}
	return body.String()
}

// missing compares lines, each as often as it is there.
func missing(want, got []string) (lost, extra []string) {
	count := map[string]int{}
	for _, line := range want {
		count[line]++
	}
	for _, line := range got {
		count[line]--
	}
	for line, n := range count {
		if n > 0 {
			lost = append(lost, line)
		} else if n < 0 {
			extra = append(extra, line)
		}
	}
	slices.Sort(lost)
	slices.Sort(extra)
	return lost, extra
}
