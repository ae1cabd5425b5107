package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/ports"
	"out_opensearch_irsa/test/fixtures/stack"
)

// node is where an agent runs: log files of pods, the agent's state, and the environment that its
// own pod has.
type node struct {
	*stack.Node
	t       *testing.T
	version version
	name    string // what INDEX_NAME says
	index   string // the indices that get its records: one for each day
	dir     string
	pods    *stack.Pods
	config  string            // text of the configuration file
	env     map[string]string // over the environment that the stack gives
}

// newNode makes a node with the shipped configuration and an index named for the test.
func newNode(t *testing.T, v version) *node {
	t.Helper()
	if unmet != "" {
		t.Skip(unmet)
	}
	n := &node{t: t, version: v, env: map[string]string{}, config: shipped(t)}
	n.name = fmt.Sprintf("eks-log-%s-%d",
		strings.Trim(notInIndex.ReplaceAllString(strings.ToLower(t.Name()), "-"),
			"-"), serial.Add(1))
	n.index = n.name + "-2*"
	var err error
	if n.dir, err = stack.NewNodeDir(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(n.dir) })
	if n.Node, err = stack.NewNode(n.dir, pluginSO); err != nil {
		t.Fatal(err)
	}
	if n.pods, err = stack.NewPods(n.dir, "shop", stack.ShopPods...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = n.pods.Close() })
	if err := world.Kube.PutPods("shop", stack.ShopPods...); err != nil {
		t.Fatal(err)
	}
	return n
}

var (
	notInIndex = regexp.MustCompile(`[^a-z0-9]+`)
	serial     atomic.Int32 // a test that runs again (-count) has an index and roles of its own
)

// write adds so many numbered lines to the pods' logs.
func (n *node) write(lines int) {
	n.t.Helper()
	if err := n.pods.WriteLines(lines); err != nil {
		n.t.Fatal(err)
	}
}

// appendLog adds text as it is to the log of one pod.
func (n *node) appendLog(pod int, text string) {
	n.t.Helper()
	logs, err := filepath.Glob(n.pods.Glob())
	if err != nil || pod >= len(logs) {
		n.t.Fatalf("no log %d in %q (%v)", pod, logs, err)
	}
	f, err := os.OpenFile(logs[pod], os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		n.t.Fatal(err)
	}
	_, err = f.WriteString(text)
	if err = errors.Join(err, f.Close()); err != nil {
		n.t.Fatal(err)
	}
}

// configure writes the configuration file and returns its path.
func (n *node) configure() string {
	n.t.Helper()
	path := filepath.Join(n.dir, "fluent-bit.conf")
	if err := os.WriteFile(path, []byte(n.config), 0o600); err != nil {
		n.t.Fatal(err)
	}
	return path
}

// start runs the agent and waits until the plugin says that it delivers.
func (n *node) start() *agent {
	n.t.Helper()
	a := n.launch()
	if err := a.WaitStarted(n.t.Context()); err != nil {
		n.t.Fatal(err)
	}
	return a
}

// launch runs the agent and does not wait for anything.
func (n *node) launch() *agent {
	n.t.Helper()
	env := map[string]string{"INDEX_NAME": n.name, "FLUENT_BIT_HTTP_PORT": ports.For(n.t)}
	for _, pair := range append(n.Env(), world.Env()...) {
		name, value, _ := strings.Cut(pair, "=")
		if _, set := env[name]; !set {
			env[name] = value
		}
	}
	options := stack.FluentBitOptions{Config: n.configure(), ABI: n.version.abi, Dir: n.dir,
		Log: &said}
	for name, value := range n.env {
		env[name] = value
	}
	for name, value := range env {
		if value != "" {
			options.Env = append(options.Env, name+"="+value)
		}
	}
	f, err := stack.StartFluentBit(host, options)
	if err != nil {
		n.t.Fatal(err)
	}
	a := &agent{FluentBit: f, t: n.t, version: n.version}
	n.t.Cleanup(func() {
		_ = a.Close()
		if n.t.Failed() {
			n.t.Logf("the agent's last lines:\n%s", a.Tail(25))
		}
	})
	return a
}

// eventually polls until done gives nil, and fails with what it gave last.
func eventually(t *testing.T, done func() error) {
	t.Helper()
	within(t, stack.Patience, done)
}

// within is eventually with a patience of its own.
func within(t *testing.T, patience time.Duration, done func() error) {
	t.Helper()
	if err := stack.Poll(t.Context(), patience, done); err != nil {
		t.Fatal(err)
	}
}
