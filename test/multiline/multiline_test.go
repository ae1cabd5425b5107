// Package multiline measures how many stack traces arrive whole, by an agent that reads the logs of twenty
// pods while they are written line by line. What it needs is the environment that `make env` prints; the
// agent is the one that test/e2e finds. Documents go to a server of its own, which does what OpenSearch
// does with ids and versions.
package multiline

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"out_opensearch_irsa/test/stack"
)

var (
	rate    = flag.Float64("rate", 0, "events a second; 0 runs 10 and 1,500 for some seconds each")
	seconds = flag.Float64("seconds", 60, "how long -rate is kept")
)

// domain stores documents by id.
type domain struct {
	mu       sync.Mutex
	texts    map[string]string
	versions map[string]int
}

func (d *domain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var items []string
	failed := false
	lines := bufio.NewScanner(r.Body)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var action map[string]struct {
			ID      string `json:"_id"`
			Version int    `json:"version"`
		}
		var doc struct{ Log string }
		err := json.Unmarshal(lines.Bytes(), &action)
		lines.Scan()
		if err != nil || json.Unmarshal(lines.Bytes(), &doc) != nil {
			panic("no bulk request")
		}
		for op, a := range action {
			_, there := d.texts[a.ID]
			if there && (op == "create" || a.Version <= max(1, d.versions[a.ID])) {
				failed = true
				reason := "version conflict, current version is higher or equal to the one provided"
				items = append(items, fmt.Sprintf(`{%q:{"status":409,"error":{"type":"version_conflict_engine_exception","reason":%q}}}`, op, reason))
				continue
			}
			d.texts[a.ID], d.versions[a.ID] = doc.Log, a.Version
			items = append(items, fmt.Sprintf(`{%q:{"status":201}}`, op))
		}
	}
	_, _ = fmt.Fprintf(w, `{"errors":%v,"items":[%s]}`, failed, strings.Join(items, ","))
}

// traceOf is the lines of trace n, no two of which are equal, nor any to those of another trace.
func traceOf(n int) []string {
	var text string
	switch n % 3 {
	case 0:
		text = `panic: order N/0

goroutine N [running]:
main.(*orders).place(0xN)
	/src/orders.go:12 +0xN
main.handle(0xN, 0x1)
	/src/main.go:40 +0xN
created by main.main in goroutine N
	/src/main.go:20 +0xN/1`
	case 1:
		text = `2026-11-25 10:00:00 ERROR orders - java.lang.IllegalStateException: order N/0
	at com.example.Orders.place(Orders.java:N/1)
	at com.example.Web.post(Web.java:N/2)
	at com.example.Main.run(Main.java:N/3)
	... N more
Caused by: java.sql.SQLException: order N/4
	at com.example.Db.query(Db.java:N/5)
	at com.example.Db.open(Db.java:N/6)
	... N common frames omitted`
	default:
		text = `Traceback (most recent call last):
  File "/app/main.py", line N/0, in <module>
    main(N)
  File "/app/orders.py", line N/1, in place
    stock.take(N)
  File "/app/stock.py", line N/2, in take
    raise KeyError(N)
KeyError: 'order N/3'`
	}
	return strings.Split(strings.ReplaceAll(text, "N", fmt.Sprint(n)), "\n")
}

// events writes to the pods' logs for a while, as programs that flush each line, and returns the traces
// and the other lines.
func events(t *testing.T, pods *stack.Pods, n int, rate float64, long time.Duration) (traces [][]string, others []string) {
	var mu sync.Mutex
	var all sync.WaitGroup
	next := 0
	end := time.Now().Add(long)
	for p := range n {
		all.Go(func() {
			r := rand.New(rand.NewPCG(uint64(p), 1))
			at := time.Now()
			for {
				at = at.Add(time.Duration(r.ExpFloat64() * float64(n) / rate * 1e9))
				if at.After(end) {
					return
				}
				time.Sleep(time.Until(at))
				mu.Lock()
				id := next
				next++
				mu.Unlock()
				lines, stream := []string{fmt.Sprintf("level=info msg=\"request served\" order=%d", id)}, "stdout"
				if id%2 == 0 {
					lines, stream = traceOf(id), "stderr"
				}
				for _, line := range lines {
					if err := pods.Write(p, stream, "F", line); err != nil {
						t.Error(err)
						return
					}
				}
				mu.Lock()
				if len(lines) > 1 {
					traces = append(traces, lines)
				} else {
					others = append(others, lines...)
				}
				mu.Unlock()
			}
		})
	}
	all.Wait()
	return traces, others
}

const configuration = `[SERVICE]
    Flush 1
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

// measure returns the share of traces that arrived whole, after every line did once.
func measure(t *testing.T, host stack.FluentBitHost, rate float64, long time.Duration) float64 {
	plugin, err := filepath.Abs(os.Getenv("PLUGIN_SO"))
	if err != nil {
		t.Fatal(err)
	}
	d := &domain{texts: map[string]string{}, versions: map[string]int{}}
	server := httptest.NewServer(d)
	defer server.Close()
	dir := t.TempDir()
	var names []string
	for i := range 20 {
		names = append(names, fmt.Sprintf("pod-%02d", i))
	}
	pods, err := stack.NewPods(dir, "shop", names...)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = pods.Close() }()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	plugins := write("plugins.conf", "[PLUGINS]\n    Path "+plugin+"\n")
	text := fmt.Sprintf(configuration, plugins, pods.Glob(), server.URL)
	text = strings.Replace(text, "Flush 1\n", "Flush 1\n    storage.path "+filepath.Join(dir, "storage")+"\n", 1)
	agent, err := stack.StartFluentBit(host, stack.FluentBitOptions{Config: write("fluent-bit.conf", text), Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = agent.Close() }()
	if _, err := agent.WaitLog(t.Context(), "delivers to"); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	traces, others := events(t, pods, len(names), rate, long)
	took := time.Since(began)
	missing := 0
	for deadline := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Second) {
		if missing = d.missing(t, traces, others, false); missing == 0 || time.Now().After(deadline) {
			break
		}
	}
	if missing = d.missing(t, traces, others, true); missing != 0 {
		t.Fatalf("%d lines are missing\n%s", missing, strings.Join(agent.Log(), "\n"))
	}
	stored := map[string]bool{}
	for _, text := range d.texts {
		stored[text] = true
	}
	whole := 0
	for _, lines := range traces {
		if stored[strings.Join(lines, "\n")] {
			whole++
		}
	}
	share := float64(whole) / float64(len(traces))
	t.Logf("%s: %.0f events a second asked, %.0f written: %d of %d traces whole, %.2f %%; all lines there once",
		host.Version, rate, float64(len(traces)+len(others))/took.Seconds(), whole, len(traces), 100*share)
	return share
}

// missing returns how many lines are in no document; with final, a line in two is an error. Empty lines are not
// counted.
func (d *domain) missing(t *testing.T, traces [][]string, others []string, final bool) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	times := map[string]int{}
	for _, text := range d.texts {
		for line := range strings.SplitSeq(text, "\n") {
			times[line]++
		}
	}
	wanted := map[string]int{}
	for _, lines := range append(traces, others) {
		for _, line := range lines {
			wanted[line]++
		}
	}
	missing := 0
	for line, n := range wanted {
		missing += max(0, n-times[line])
		if final && line != "" && times[line] > n {
			t.Errorf("%q is there %d times, want %d", line, times[line], n)
		}
	}
	return missing
}

func TestTracesArriveWhole(t *testing.T) {
	if unmet := stack.Unmet("PLUGIN_SO"); unmet != "" {
		t.Skip(unmet)
	}
	host, err := stack.FindFluentBit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if *rate > 0 {
		measure(t, host, *rate, time.Duration(*seconds*1e9))
		return
	}
	for _, rate := range []float64{10, 1500} {
		if share := measure(t, host, rate, 8*time.Second); share < 0.9 { // on a machine that is busy otherwise
			t.Errorf("%.0f events a second: %.1f %% of the traces are whole", rate, 100*share)
		}
	}
}
