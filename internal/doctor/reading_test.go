package doctor

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/connect"
	"out_opensearch_irsa/internal/indexname"
	"out_opensearch_irsa/internal/opensearch"
)

func TestArrival(t *testing.T) {
	there := opensearch.Item{Kind: opensearch.RoleNotMapped, Status: 403}
	missing := opensearch.Item{Kind: opensearch.IndexMissing, Status: 404}
	f := func(answer string, index opensearch.Item, status Status, words string) {
		t.Helper()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path != "/eks-*,-*-dead-letter/_search" {
				t.Errorf("asked for %s", r.URL)
			}
			_, _ = io.WriteString(w, answer)
		}))
		defer server.Close()
		cfg, err := config.Load(func(name string) string {
			return map[string]string{"Endpoint": server.URL, "AWS_Auth": "Off",
				"Index": "eks-%Y"}[name]
		}, func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		e := &examination{settings: &settings{timeout: time.Second, maxAge: time.Minute}, cfg: cfg,
			first: opensearch.Result{Items: []opensearch.Item{index}}}
		if e.client, err = connect.DialAs(cfg, nil); err != nil {
			t.Fatal(err)
		}
		defer e.client.Close()
		if e.target, err = indexname.Compile(cfg.Index); err != nil {
			t.Fatal(err)
		}
		o := e.checkArrival(t.Context())
		if o.status != status || !strings.Contains(o.summary+" → "+o.remedy, words) {
			t.Errorf("%s: %s %s → %s", answer, o.status, o.summary, o.remedy)
		}
	}
	f(`{"_shards":{"total":0},"hits":{"total":{"value":0}}}`, missing, Broken,
		"there is no document in eks-*")
	f(`{"_shards":{"total":0},"hits":{"total":{"value":0}}}`, there, Skipped,
		"a search finds none that the role may read → delivery does not need it")
	f(`{"_shards":{"total":1},"hits":{"total":{"value":0}},"aggregations":{"newest":{"value":null}}}`, there, Broken, "there is no document in eks-*")
	f(`{"_shards":{"total":1},"hits":{"total":{"value":3}},"aggregations":{"newest":{"value":null}}}`, there, Broken, "none of the 3 documents in eks-* has @timestamp")
	f(`{"_shards":{"total":1},"hits":{"total":{"value":3}},"aggregations":{"newest":{"value":1.7e12}}}`, there, Broken, "the newest of 3 documents in eks-* is ")
	f(`{"_shards":{"total":1},"hits":{"total":{"value":3}},"aggregations":{"newest":{"value":9e12}}}`, there, OK, "is 0.0 s old") // a clock ahead
	f(`<html>`, there, Skipped, "cannot be read")
}
