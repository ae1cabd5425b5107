package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/stack"
)

// unparsable is how many of the records are such that the domain will not take them.
const unparsable = 10

// quiet is how long no request may come before a measurement is over: longer than the longest pause
// between retries.
const quiet = 12 * time.Second

// builtinOutput is Fluent Bit's own output, which speaks to a proxy of ours.
const builtinOutput = `    Name               opensearch
    Match              kube.*
    Host               127.0.0.1
    Port               %s
    Index              %s
    Suppress_Type_Name On
    Buffer_Size        10M
    Workers            2
    Retry_Limit        5
`

// compare delivers the same records with Fluent Bit's own output and with ours, both with a retry
// limit of 5.
func (b *bench) compare(ctx context.Context) error {
	if b.host.TestHost {
		return errors.New("cannot measure the built-in output: the test host " +
			"has none; set FLUENT_BIT")
	}
	proxy, err := newPlainProxy(b.stack)
	if err != nil {
		return err
	}
	defer func() { _ = proxy.server.Close() }() // nothing waits for it any more
	_, port, _ := strings.Cut(strings.TrimPrefix(proxy.server.URL(), "http://"), ":")
	own := row{id: "builtin", name: "opensearch, built in",
		config: config{json: true, output: fmt.Sprintf(builtinOutput, port, "eks-log-f-builtin")}}
	ours := row{id: "ours", name: "opensearch_irsa",
		config: config{json: true, values: map[string]string{"Retry_Limit": "5"}}}
	var results []result
	for _, r := range []row{own, ours} {
		res, err := b.measure(ctx, r, proxy)
		if err != nil {
			return fmt.Errorf("%s: %w", r.name, err)
		}
		results = append(results, res)
	}
	fmt.Printf("\n%s, %d records, %d of them unparsable, retry limit 5\n\n", b.host.Version,
		b.lines, unparsable)
	fmt.Print(strings.Replace(heading, "fault ", "output", 1))
	for _, res := range results {
		fmt.Print(res.figures(""))
	}
	if !results[1].proven() {
		return errUnproven
	}
	return nil
}

// measure runs one of the two. The records are there before the agent starts, so that both get the
// same chunks.
func (b *bench) measure(ctx context.Context, r row, proxy *plainProxy) (res result, err error) {
	t := &trial{bench: b, stack: b.stack}
	defer func() { err = errors.Join(err, t.close()) }()
	if err := t.setup(r); err != nil {
		return res, err
	}
	if err := ask(ctx, b.stack.OpenSearch, "PUT", "/"+t.index, poisonMapping, nil); err != nil {
		return res, err
	}
	for range unparsable {
		if err := t.writeJSON((b.lines-unparsable)/unparsable, 0, poisons[0]); err != nil {
			return res, err
		}
	}
	if err := t.node.launch(); err != nil {
		return res, err
	}
	requests := func() int { return t.domain.requestCount() + int(proxy.requests.Load()) }
	before, last, since := requests(), requests(), time.Now()
	err = t.await(ctx, "the last request", func() bool {
		if now := requests(); now != last {
			last, since = now, time.Now()
		}
		return last > before && time.Since(since) > quiet
	})
	if err = errors.Join(err, t.node.stop()); err != nil {
		return res, err
	}
	res = result{row: r, bad: t.bad, fired: t.bad, sent: requests() - before}
	res.sums, err = t.counts(ctx)
	return res, err
}

// plainProxy is what an agent without AWS's signature speaks to: plain HTTP, which it passes on as
// the admin.
type plainProxy struct {
	server   *localaws.Server
	requests atomic.Int64
}

func newPlainProxy(s *stack.Stack) (*plainProxy, error) {
	upstream, err := url.Parse(s.OpenSearch.URL)
	if err != nil {
		return nil, err
	}
	p := new(plainProxy)
	pass := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			r.Out.SetBasicAuth(s.OpenSearch.Username, s.OpenSearch.Password)
		},
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.CA.Pool(),
			MinVersion: tls.VersionTLS12}},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	p.server, err = localaws.Serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.requests.Add(1)
		pass.ServeHTTP(w, r)
	}), nil)
	return p, err
}
