package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/stack"
)

// nodeCluster measures what a real OpenSearch spends on the load of a node, output by output.
func nodeCluster(ctx context.Context, s settings, host stack.FluentBitHost, rows []*nodeRow,
	rounds int) error {
	home := os.Getenv("OPENSEARCH_HOME")
	if home == "" {
		fmt.Fprintln(os.Stderr, "no OpenSearch, so its CPU is not measured: run make bench, "+
			"which gets one")
		return nil
	}
	ca, err := localaws.NewCA()
	if err != nil {
		return err
	}
	fmt.Fprintln(os.Stderr, "starting OpenSearch")
	server, err := stack.StartOpenSearch(ctx,
		stack.OpenSearchOptions{Home: home, CA: ca, Optimize: true})
	if err != nil {
		return err
	}
	defer func() { _ = server.Close() }()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true,
		TLSClientConfig: &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}}}
	for range 2 { // so that the server has compiled what it runs
		if _, err := (&load{ids: "ours", filter: true, gzip: true}).run(ctx, server, client,
			s.documents, "eks-log-warm"); err != nil {
			return err
		}
	}
	for round := range rounds + 1 {
		for turn := range rows {
			r := rows[turn]
			if round%2 == 1 {
				r = rows[len(rows)-1-turn]
			}
			if !r.shape.cluster {
				continue
			}
			c, err := nodeTrial{host: host, row: r, window: s.window, server: server,
				ca: ca}.run(ctx)
			if err != nil {
				return fmt.Errorf("%s, to OpenSearch: %w", r.name(), err)
			}
			fmt.Fprintf(os.Stderr, "round %d of %d, OpenSearch, %s: %.1f µs a document\n", round,
				rounds, r.name(), c.cluster)
			if round > 0 { // the first one warms the server up
				r.cluster = append(r.cluster, c)
			}
		}
	}
	return nil
}

// reset empties what the lines go to.
func (t nodeTrial) reset(ctx context.Context) error {
	if t.server == nil {
		return t.sink.reset()
	}
	for _, step := range []struct{ method, body string }{
		{"DELETE", ""}, {"PUT", `{"settings":{"number_of_shards":1,"number_of_replicas":0}}`},
	} {
		status, answer, err := t.server.Do(ctx, step.method, "/"+nodeIndex, step.body)
		if err != nil {
			return err
		}
		if status/100 != 2 && status != 404 {
			return fmt.Errorf("cannot %s the index: OpenSearch answered %d: %.1024s", step.method,
				status, answer)
		}
	}
	return rest(ctx, t.server.Pid())
}

// counts tells what arrived. A real server tells of no sizes and no times.
func (t nodeTrial) counts(ctx context.Context) (sinkCounts, error) {
	if t.server == nil {
		return t.sink.counts()
	}
	status, answer, err := t.server.Do(ctx, "GET", "/"+nodeIndex+"/_stats/indexing", "")
	if err == nil && status != 200 {
		err = fmt.Errorf("cannot read the index's counts: OpenSearch answered %d: %.1024s", status, answer)
	}
	if err != nil {
		return sinkCounts{}, err
	}
	var stats struct {
		All struct {
			Primaries struct {
				Indexing struct {
					Total int64 `json:"index_total"`
				} `json:"indexing"`
			} `json:"primaries"`
		} `json:"_all"`
	}
	err = json.Unmarshal(answer, &stats)
	return sinkCounts{Documents: stats.All.Primaries.Indexing.Total, Last: time.Now()}, err
}
