package main

import (
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"out_opensearch_irsa/test/fixtures/localaws"
	"out_opensearch_irsa/test/fixtures/stack"
)

// domain is a domain that can be made to fail. An agent's request comes to ServeHTTP, where a fault
// may meet it; goes on to a front door, which checks the signature and the size; then to back,
// where items of it may be refused; then to OpenSearch.
type domain struct {
	server *localaws.Server // what the agent connects to
	back   *localaws.Server
	door   *localaws.FrontDoor
	fault  atomic.Pointer[fault] // nil: all is well

	mu       sync.Mutex     // guards the rest
	requests int            // that came
	fired    int            // faults that were met: requests, or items
	statuses map[int]int    // answers of the front door
	words    map[string]int // how often an answer said one of the telling words
}

// The words by which a fault of the server's own is seen to be met.
const (
	saysConflict = "version_conflict_engine_exception"
	saysBlocked  = "cluster_block_exception"
	saysUnmapped = "no permissions for ["
	saysExpired  = "token included in the request is expired"
	saysBreaker  = "circuit_breaking_exception"
	saysRejected = "rejected_execution_exception"
)

var tellingWords = []string{saysConflict, saysBlocked, saysUnmapped, saysExpired, saysBreaker,
	saysRejected}

// newDomain puts a domain in front of a stack's OpenSearch. maxRequest is the largest body in
// bytes, as it comes over the wire; 0 means 10 MiB.
func newDomain(s *stack.Stack, maxRequest int64) (*domain, error) {
	d := &domain{statuses: map[int]int{}, words: map[string]int{}}
	upstream, err := url.Parse(s.OpenSearch.URL)
	if err != nil {
		return nil, err
	}
	if d.back, err = localaws.Serve(&refuser{domain: d, next: passOn(upstream, s)},
		nil); err != nil {
		return nil, err
	}
	behind, err := url.Parse(d.back.URL())
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	d.door = localaws.NewFrontDoor(localaws.FrontDoorOptions{
		IAM: s.IAM, Region: strings.Split(s.DomainARN, ":")[3], DomainARN: s.DomainARN,
		Upstream: behind, MaxRequestSize: maxRequest,
	})
	certificate, err := s.CA.ServerTLS()
	if err == nil {
		d.server, err = localaws.Serve(d, certificate)
	}
	if err != nil {
		return nil, errors.Join(err, d.close())
	}
	return d, nil
}

// passOn hands requests on as the front door made them, the names of user and role among the
// headers.
func passOn(upstream *url.URL, s *stack.Stack) *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(upstream)
			for name, values := range r.In.Header {
				if strings.HasPrefix(name, "X-Forwarded-") {
					r.Out.Header[name] = values
				}
			}
		},
		Transport: &http.Transport{
			TLSClientConfig:     &tls.Config{RootCAs: s.CA.Pool(), MinVersion: tls.VersionTLS12},
			MaxIdleConnsPerHost: 16,
			DisableCompression:  true,
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request,
			_ error) {
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
}

// ServeHTTP takes one request of an agent's.
func (d *domain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	d.requests++
	d.mu.Unlock()
	x := &exchange{domain: d, w: w, r: r}
	if f := d.fault.Load(); f != nil && f.meet != nil && f.strikes(r) {
		d.fire(1)
		f.meet(x)
		return
	}
	x.forward().writeTo(w)
}

// set makes the domain fail from now on; nil heals it.
func (d *domain) set(f *fault) { d.fault.Store(f) }

func (d *domain) fire(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fired += n
}

// note remembers what the front door answered.
func (d *domain) note(a *answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.statuses[a.status]++
	text := a.body.String()
	if a.status == http.StatusOK && !strings.Contains(text[:min(len(text), 64)], `"errors":true`) {
		return
	}
	for _, word := range tellingWords {
		d.words[word] += strings.Count(text, word)
	}
}

func (d *domain) requestCount() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.requests
}

func (d *domain) firedCount() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fired
}

func (d *domain) status(code int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.statuses[code]
}

func (d *domain) said(word string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.words[word]
}

func (d *domain) close() error {
	var failed error
	for _, server := range []*localaws.Server{d.server, d.back} {
		if server != nil {
			failed = errors.Join(failed, server.Close())
		}
	}
	return failed
}
