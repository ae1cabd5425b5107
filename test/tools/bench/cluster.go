package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"text/tabwriter"
	"time"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/stack"
)

// load is one way of sending documents to a real server.
type load struct {
	ids    string // "none", "ours" or "random"
	filter bool   // filter_path
	gzip   bool
	costs  []cost
}

// cost is what the server spent on a load.
type cost struct {
	cpu    float64 // µs per document
	answer float64 // bytes per document
}

const filterPath = "?filter_path=errors,items.*.status,items.*.error"

// startServer starts an OpenSearch for a part of the benchmark, and makes a client for it.
func startServer(ctx context.Context, part string) (*stack.OpenSearch, *http.Client, error) {
	home := os.Getenv("OPENSEARCH_HOME")
	if home == "" {
		return nil, nil, fmt.Errorf("cannot measure part %s: no OpenSearch; run make bench, "+
			"which gets one, or leave the part out", part)
	}
	ca, err := localaws.NewCA()
	if err != nil {
		return nil, nil, err
	}
	fmt.Fprintln(os.Stderr, "starting OpenSearch")
	server, err := stack.StartOpenSearch(ctx,
		stack.OpenSearchOptions{Home: home, CA: ca, Optimize: true})
	trust := &tls.Config{RootCAs: ca.Pool(), MinVersion: tls.VersionTLS12}
	return server, &http.Client{Transport: &http.Transport{DisableCompression: true,
		TLSClientConfig: trust}}, err
}

// benchCluster measures what documents cost a real OpenSearch. Each load differs in one thing from
// the first.
func benchCluster(ctx context.Context, s settings) (err error) {
	server, client, err := startServer(ctx, "cluster")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, server.Close()) }()

	loads := []*load{
		{ids: "ours", filter: true}, {ids: "none", filter: true}, {ids: "random", filter: true},
		{ids: "ours"}, {ids: "ours", filter: true, gzip: true},
	}
	for round := range s.rounds + 1 {
		for n, l := range loads {
			c, err := l.run(ctx, server, client, s.documents,
				fmt.Sprintf("eks-log-%d-%d", round, n))
			if err != nil {
				return err
			}
			fmt.Fprintf(os.Stderr, "round %d of %d, ids %s: %.1f µs\n", round, s.rounds, l.ids, c.cpu)
			if round > 0 { // the first one warms the server up
				l.costs = append(l.costs, c)
			}
		}
	}
	printLoads(loads, s)
	return nil
}

// bodies makes the requests' bodies: documents as the plugin makes them, up to 5 MiB in each.
func (l *load) bodies(documents int, index string) [][]byte {
	r := mathrand.New(mathrand.NewPCG(7, 7))
	var ids bulk.IDs
	ids.Start(index, 1)
	var gz bulk.Compressor
	var all [][]byte
	var body, document []byte
	began := time.Now().Unix()
	for i := range documents {
		document = appendK8s(document[:0], r, i)
		switch l.ids {
		case "none":
			body = append(body, `{"create":{}}`...)
		case "ours":
			var id [bulk.IDSize]byte
			ids.Next(&id, int32(i), began+int64(i/3000), uint32(i%3000*333_333+1), document, false)
			body = fmt.Appendf(body, `{"create":{"_id":"%s"}}`, id[:])
		case "random":
			var id [16]byte
			_, _ = rand.Read(id[:]) // never fails
			body = fmt.Appendf(body, `{"create":{"_id":"%x-%x-%x-%x-%x"}}`, id[:4], id[4:6],
				id[6:8], id[8:10], id[10:])
		}
		body = append(append(body, '\n'), document...)
		if len(body) > 5<<20-2000 || i == documents-1 {
			if l.gzip {
				body = gz.Compress(nil, body)
			}
			all, body = append(all, body), nil
		}
	}
	return all
}

// run sends the documents into a new index and returns what they cost the server, the refresh at
// the end included.
func (l *load) run(ctx context.Context, server *stack.OpenSearch, client *http.Client,
	documents int, index string) (c cost, err error) {
	bodies := l.bodies(documents, index)
	do := func(method, path, body string) error {
		status, answer, err := server.Do(ctx, method, path, body)
		if err == nil && status/100 != 2 {
			err = fmt.Errorf("cannot %s %s: OpenSearch answered %d: %.1024s", method, path, status, answer)
		}
		return err
	}
	if err := do("PUT", "/"+index,
		`{"settings":{"number_of_shards":1,"number_of_replicas":0}}`); err != nil {
		return c, err
	}
	if err := rest(ctx, server.Pid()); err != nil {
		return c, err
	}
	before, err := processCPU(server.Pid())
	if err != nil {
		return c, err
	}
	answered := 0
	for _, body := range bodies {
		n, err := l.send(ctx, server, client, index, body)
		if err != nil {
			return c, err
		}
		answered += n
	}
	if err := do("POST", "/"+index+"/_refresh", ""); err != nil {
		return c, err
	}
	if err := rest(ctx, server.Pid()); err != nil {
		return c, err
	}
	after, err := processCPU(server.Pid())
	if err != nil {
		return c, err
	}
	count, err := server.Count(ctx, index)
	if err == nil && count != documents {
		err = fmt.Errorf("the index has %d documents of %d", count, documents)
	}
	n := float64(documents)
	return cost{cpu: float64(after-before) / 1e3 / n, answer: float64(answered) / n},
		errors.Join(err, do("DELETE", "/"+index, ""))
}

func (l *load) send(ctx context.Context, server *stack.OpenSearch, client *http.Client,
	index string, body []byte) (answered int, err error) {
	url := server.URL + "/" + index + "/_bulk"
	if l.filter {
		url += filterPath
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, fmt.Errorf("cannot make a request: %w", err)
	}
	request.SetBasicAuth(server.Username, server.Password)
	request.Header.Set("Content-Type", "application/x-ndjson")
	if l.gzip {
		request.Header.Set("Content-Encoding", "gzip")
	}
	response, err := client.Do(request)
	if err != nil {
		return 0, fmt.Errorf("cannot send documents: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, fmt.Errorf("cannot read the answer: %w", err)
	}
	if response.StatusCode != http.StatusOK ||
		!bytes.Contains(answer[:min(len(answer), 100)], []byte(`"errors":false`)) {
		return 0, fmt.Errorf("OpenSearch answered %d: %.1024s", response.StatusCode, answer)
	}
	return len(answer), nil
}

// rest waits until a process does little: less than 5 % of a CPU over half a second, or until it
// never does within 20 s.
func rest(ctx context.Context, pid int) error {
	const look = 500 * time.Millisecond
	tick := time.NewTicker(look)
	defer tick.Stop()
	before, err := processCPU(pid)
	for range 40 {
		if err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
		var now time.Duration
		if now, err = processCPU(pid); now-before < look/20 {
			return err
		}
		before = now
	}
	return err
}

func printLoads(loads []*load, s settings) {
	fmt.Printf("\nThe cluster's side: CPU of a real OpenSearch, medians of %d rounds "+
		"[least-greatest], %d documents each\n\n", s.rounds, s.documents)
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	defer func() { _ = w.Flush() }()
	fmt.Fprintln(w, "ids\tfilter_path\tbodies\tCPU µs/document\tanswer B/document")
	for _, l := range loads {
		filter, body := "no", "plain"
		if l.filter {
			filter = "yes"
		}
		if l.gzip {
			body = "gzip"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.0f\n", l.ids, filter, body,
			figures(l.costs, func(c cost) float64 { return c.cpu }),
			median(l.costs, func(c cost) float64 { return c.answer }))
	}
}
