package kubernetes

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/test/fixtures/stack"
)

// TestArrival runs the overlay irsa as rendered: the sample application's lines arrive, each once,
// with what the cluster knows of their pods; pods and namespaces that opt out and the agent's own
// log do not.
func TestArrival(t *testing.T) {
	c := newCluster(t)
	app := c.addPod(stack.Pod{
		Namespace: "shop", Name: "sample-app-7d4b9c6f5-x2x9p",
		Labels:      map[string]string{"app": "sample-app", "app.kubernetes.io/name": "sample-app"},
		Annotations: map[string]string{"example.com/team": "orders"},
	})
	if err := world.Kube.PutNamespace("shop", nil); err != nil {
		t.Fatal(err)
	}
	c.ownLog()
	out := c.optOut()
	stdout, stderr := runSampleApp(t, 600)
	for stream, lines := range map[string][]string{"stdout": stdout, "stderr": stderr} {
		for _, line := range lines {
			if err := app.Write(0, stream, "F", line); err != nil {
				t.Fatal(err)
			}
		}
	}
	agent := c.start()
	written := append(append([]string(nil), stdout...), stderr...)
	c.await(len(written))
	if c.host.TestHost {
		t.Log("fbhost runs no filters: metadata, stack traces and opting out are checked with a " +
			"real Fluent Bit only")
	}
	// A line that comes last shows that those which must not come would have come by now.
	for _, pod := range append(out, app) {
		if err := pod.Write(0, "stdout", "F", "the last line"); err != nil {
			t.Fatal(err)
		}
	}
	written = append(written, "the last line")
	all := c.await(len(written))
	if lost, extra := missing(written, lines(all)); len(lost)+len(extra) > 0 {
		t.Errorf("of %d lines these are missing: %.500q; and these are too many: %.500q",
			len(written), lost, extra)
	}
	c.probe("liveness", c.agent.LivenessProbe)
	c.probe("start-up", c.agent.StartupProbe)
	c.probe("readiness", c.agent.ReadinessProbe)
	if metrics := c.get("metrics", "metrics", "/metrics"); !strings.Contains(metrics,
		"opensearch_irsa_records_total") {
		t.Errorf("the metrics are\n%s", metrics)
	}
	if !c.host.TestHost {
		c.checkDocuments(all)
		c.get("Fluent Bit's metrics", "http", "/api/v1/metrics/prometheus")
	}
	if err := agent.Stop(45 * time.Second); err != nil {
		t.Error(err)
	}
}

// ownLog writes a line that the agent itself would have written.
func (c *cluster) ownLog() {
	c.t.Helper()
	name := "fluent-bit-x7k2p_logging_" + c.agent.Name + "-" + strings.Repeat("0a", 32) + ".log"
	line := time.Now().UTC().Format("2006-01-02T15:04:05.000000000Z") + " stderr F [info] a line " +
		"of the agent's own\n"
	if err := os.WriteFile(filepath.Join(c.dir, "containers", name), []byte(line),
		0o600); err != nil {
		c.t.Fatal(err)
	}
}

// optOut makes the pods whose lines must not arrive, as far as the agent can leave them out.
func (c *cluster) optOut() []*stack.Pods {
	c.t.Helper()
	if c.host.TestHost {
		return nil
	}
	out := map[string]string{"fluentbit.io/exclude": "true"}
	pods := []*stack.Pods{c.addPod(stack.Pod{Namespace: "shop", Name: "noisy-0", Annotations: out})}
	if !c.old() {
		if err := world.Kube.PutNamespace("private", out); err != nil {
			c.t.Fatal(err)
		}
		pods = append(pods, c.addPod(stack.Pod{Namespace: "private", Name: "web-0"}))
	}
	for _, pod := range pods {
		if err := pod.WriteLines(20); err != nil {
			c.t.Fatal(err)
		}
	}
	return pods
}

// checkDocuments looks at what the filters made of the lines.
func (c *cluster) checkDocuments(all []document) {
	c.t.Helper()
	objects, whole, cut := 0, 0, 0
	for _, d := range all {
		k := d.Kubernetes
		if k.Pod != "sample-app-7d4b9c6f5-x2x9p" || k.Namespace != "shop" || k.Container != "app" ||
			k.Host != "ip-10-0-0-1.eu-central-1.compute.internal" ||
			k.Labels["app_kubernetes_io/name"] != "sample-app" ||
			k.Annotations["example_com/team"] != "orders" || k.Image == "" ||
			d.OfNamespace != nil {
			c.t.Fatalf("a document has not the metadata of its pod: %+v", d)
		}
		if strings.HasPrefix(d.Log, "{") {
			objects++
			if event, is := d.LogProcessed["event"].(float64); !is ||
				!strings.Contains(d.Log, fmt.Sprintf(`"event":%d,`, int(event))) {
				c.t.Errorf("a JSON line has not its fields: %+v", d)
			}
		}
		// How the sample application's traces begin, and how they end.
		for begin, end := range map[string]string{"panic: ": "/src/shop/main.go:12 +0x85",
			"Exception in thread": "... 2 more", "Traceback (most": "ValueError: no stock"} {
			if strings.HasPrefix(d.Log, begin) {
				if strings.HasSuffix(strings.TrimSuffix(d.Log, "\n"), end) {
					whole++
				} else {
					cut++
				}
			}
		}
	}
	if objects != 180 {
		c.t.Errorf("there are %d JSON lines, want 180", objects)
	}
	if !c.old() && (whole < 170 || whole+cut != 180) {
		c.t.Errorf("of 180 stack traces %d are whole and %d cut: only those at the "+
			"end of a read may be", whole, cut)
	}
	if refused := world.Kube.Refused(); len(refused) > 0 {
		c.t.Errorf("the API server refused %v: the ClusterRole is not enough", refused)
	}
	asked := world.Kube.Asked()
	if n := asked["/api/v1/namespaces/shop/pods/sample-app-7d4b9c6f5-x2x9p"]; n == 0 || n > 3 {
		c.t.Errorf("the API server was asked %d times for one pod", n)
	}
	c.t.Logf("stack traces: %d whole, %d cut; asked the API server for %v", whole, cut, asked)
}
