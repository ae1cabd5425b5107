// Package multiline measures how many stack traces arrive whole, by an agent that reads the logs of
// twenty pods. What it needs is the environment that `make env` prints; the agent is the one that
// test/suites/e2e finds. Documents go to a server of its own, which does what OpenSearch does with
// ids and versions.
package multiline

import (
	"flag"
	"fmt"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

var (
	rates = flag.String("rates", "", "events a second, with commas between them: measure each, "+
		"and fail below 99 % of whole traces")
	seconds = flag.Float64("seconds", 30, "how long each of -rates is kept")
)

const configuration = `[SERVICE]
    Flush 1
    storage.path %s
    Plugins_File %s
[INPUT]
    Name tail
    Tag kube.*
    Path %s
    multiline.parser cri
    Read_from_Head On
    storage.type filesystem
    Refresh_Interval 1
[OUTPUT]
    Name opensearch_irsa
    Match kube.*
    Endpoint %s
    AWS_Auth Off
    Workers 2
    Multiline go, java, python
`

// pods is how many pods there are.
const pods = 20

// arrive has an agent read what write writes, before it starts if early, and waits until every line
// has arrived. No line may be missing or there twice. It returns how many traces are whole, and of
// how many.
func arrive(t *testing.T, early bool, write func(*stack.Pods) written) (whole, of int) {
	if unmet := stack.Unmet("PLUGIN_SO"); unmet != "" {
		stack.Missing(t, unmet)
	}
	host, err := stack.FindFluentBit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	plugin, err := filepath.Abs(os.Getenv("PLUGIN_SO"))
	if err != nil {
		t.Fatal(err)
	}
	d := &domain{texts: map[string]string{}, versions: map[string]int{}}
	server := httptest.NewServer(d)
	defer server.Close()
	dir := t.TempDir()
	var names []string
	for i := range pods {
		names = append(names, fmt.Sprintf("pod-%02d", i))
	}
	logs, err := stack.NewPods(dir, "shop", names...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = logs.Close() }()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plugins, err := stack.WritePlugins(dir, plugin)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(configuration, filepath.Join(dir, "storage"), plugins, logs.Glob(),
		server.URL)
	var w written
	if early {
		w = write(logs)
	}
	agent, err := stack.StartFluentBit(host,
		stack.FluentBitOptions{Config: file("fluent-bit.conf", text), Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = agent.Close() }()
	if !early {
		if _, err := agent.WaitLog(t.Context(), "delivers to"); err != nil {
			t.Fatal(err)
		}
		w = write(logs)
	}
	for deadline := time.Now().Add(stack.Patience); d.missing(t, w, false) > 0 &&
		time.Now().Before(deadline); {
		time.Sleep(200 * time.Millisecond)
	}
	if missing := d.missing(t, w, true); missing > 0 {
		t.Fatalf("%d lines are missing\n%s", missing, strings.Join(agent.Log(), "\n"))
	}
	whole, of = d.whole(w.traces), len(w.traces)
	t.Logf("%s: %d of %d traces whole, %.2f %%; all lines there once", host.Version, whole, of,
		100*float64(whole)/float64(of))
	return whole, of
}

// TestWrittenTracesArriveWhole has logs that are there when the agent starts, and none larger than
// what a tail reads at once: then no chunk ends within a trace, however slow the machine is.
func TestWrittenTracesArriveWhole(t *testing.T) {
	whole, of := arrive(t, true, func(logs *stack.Pods) written { return writeAll(t, logs, pods, 20) })
	if whole != of {
		t.Errorf("%d of %d traces are whole", whole, of)
	}
}

// TestTracesArriveWhileWritten has logs that are read while they are written line by line. How many
// chunks end within a trace depends on the machine, so without -rates it is printed only.
func TestTracesArriveWhileWritten(t *testing.T) {
	if *rates == "" {
		arrive(t, false, func(logs *stack.Pods) written {
			return writeFor(t, logs, pods, 200,
				5*time.Second)
		})
		return
	}
	for text := range strings.SplitSeq(*rates, ",") {
		rate, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(text, func(t *testing.T) {
			began, took := time.Now(), time.Duration(0)
			whole, of := arrive(t, false, func(logs *stack.Pods) written {
				defer func() { took = time.Since(began) }()
				began = time.Now()
				return writeFor(t, logs, pods, rate, time.Duration(*seconds*1e9))
			})
			t.Logf("%.0f events a second asked, %.0f written", rate, 2*float64(of)/took.Seconds())
			if 100*whole < 99*of {
				t.Errorf("%d of %d traces are whole", whole, of)
			}
		})
	}
}
