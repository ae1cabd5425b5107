package bootstrap

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	deployed "out_opensearch_irsa/deploy/opensearch"
	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/connect"
	"out_opensearch_irsa/internal/opensearch"
)

type role struct {
	Cluster []string `json:"cluster_permissions"`
	Index   []struct {
		Patterns []string `json:"index_patterns"`
		Actions  []string `json:"allowed_actions"`
	} `json:"index_permissions"`
}

// TestEachPermissionIsNeeded takes each permission of the writer's role away, one at a time: with
// all of them a pod makes an index and fields in it, with any one missing it does not.
func TestEachPermissionIsNeeded(t *testing.T) {
	newDomain(t)
	text, err := deployed.Files.ReadFile("role.json")
	if err != nil {
		t.Fatal(err)
	}
	var whole role
	if err := json.Unmarshal(text, &whole); err != nil {
		t.Fatal(err)
	}
	do(t, "PUT", "/_plugins/_security/api/roles/tried", string(text))
	do(t, "PUT", "/_plugins/_security/api/rolesmapping/tried",
		`{"backend_roles":["`+world.RoleARN+`"]}`)
	forget(t, "eks-log") // its role would help
	t.Cleanup(func() { do(t, "DELETE", "/_plugins/_security/api/rolesmapping/tried", "") })
	pod := newPod(t)

	if why := pod.deliver("eks-log-tried"); why != "" {
		t.Fatalf("the whole role does not suffice: %s", why)
	}
	number := 0
	try := func(missing string, r role) {
		number++
		body, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		do(t, "PUT", "/_plugins/_security/api/roles/tried", string(body))
		why := pod.deliver(fmt.Sprintf("eks-log-without-%d", number))
		if why == "" {
			t.Errorf("delivery works without %s: the role is not the least", missing)
		}
		t.Logf("without %s: %.200s", missing, why)
	}
	for i, action := range whole.Cluster {
		r := whole
		r.Cluster = slices.Delete(slices.Clone(whole.Cluster), i, i+1)
		try(action, r)
	}
	for i, action := range whole.Index[0].Actions {
		r := whole
		r.Index = slices.Clone(whole.Index)
		r.Index[0].Actions = slices.Delete(slices.Clone(whole.Index[0].Actions), i, i+1)
		try(action, r)
	}
	do(t, "PUT", "/_plugins/_security/api/roles/tried", string(text))
	if why := pod.deliver("other-tried"); !strings.Contains(why, "indices:admin/create") {
		t.Errorf("the role reaches another index: %q", why)
	}
	if why := pod.deliver("eks-log-2026.11.24-dead-letter"); why != "" {
		t.Errorf("the role does not reach the dead letters: %s", why)
	}
}

// TestWriterOfADataStream writes with the shipped role to the data stream that bootstrap made.
func TestWriterOfADataStream(t *testing.T) {
	d := newDomain(t)
	t.Cleanup(func() { forget(t, "eks-logstream") })
	out, code := bootstrap(t, asMaster(d.url), "-index", "eks-logstream", "-data-stream",
		"-no-dashboards")
	if code != 0 {
		t.Fatalf("status %d: %s", code, out)
	}
	if why := newPod(t).deliver("eks-logstream"); why != "" {
		t.Fatalf("cannot write to the data stream: %s", why)
	}
	found := do(t, "GET", "/_resolve/index/eks-logstream", "")
	if streams, _ := found["data_streams"].([]any); len(streams) != 1 {
		t.Errorf("it is no data stream: %v", found)
	}
	if n, err := world.OpenSearch.Count(t.Context(), "eks-logstream"); err != nil || n != 2 {
		t.Errorf("it holds %d documents (%v), want 2", n, err)
	}
	mapping := fmt.Sprint(do(t, "GET", "/eks-logstream/_mapping", ""))
	if !strings.Contains(mapping, "date_nanos") {
		t.Errorf("its mapping is another: %s", mapping)
	}
}

// pod sends as Fluent Bit's pod does: with the plugin's own client, signed, through the front door.
type pod struct {
	t      *testing.T
	client *opensearch.Client
}

func newPod(t *testing.T) *pod {
	t.Helper()
	for _, pair := range world.Env() {
		name, value, _ := strings.Cut(pair, "=")
		t.Setenv(name, value)
	}
	given := map[string]string{"TLS_CA_File": world.CAFile, "Endpoint": world.Endpoint()}
	cfg, err := config.Load(func(name string) string { return given[name] }, envOf)
	if err != nil {
		t.Fatal(err)
	}
	client, id, err := connect.Dial(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); id.Close() })
	return &pod{t, client}
}

func envOf(name string) string {
	for _, pair := range world.Env() {
		if n, value, _ := strings.Cut(pair, "="); n == name {
			return value
		}
	}
	return ""
}

// deliver sends a document that makes the index, and one more whose field the index does not know
// yet. It returns why one of them was not stored, "" if both were.
func (p *pod) deliver(index string) string {
	p.t.Helper()
	for _, document := range []string{`{"@timestamp":"2026-11-24T10:00:00.000000001Z","log":"one"}`,
		`{"@timestamp":"2026-11-24T10:00:00.000000002Z","log":"two","level":"info"}`} {
		body := []byte(`{"create":{"_index":"` + index + `"}}` + "\n" + document + "\n")
		result := p.client.Bulk(p.t.Context(), &opensearch.Request{Body: body, Items: 1})
		if result.Failure != nil {
			return result.Failure.Error()
		}
		if !result.Delivered {
			return result.Items[0].Type + ": " + result.Items[0].Reason
		}
	}
	return ""
}
