package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

// sinkCounts are what a sink saw since it was reset.
type sinkCounts struct {
	Requests  int64     `json:"requests"`
	Documents int64     `json:"documents"`
	Body      int64     `json:"body_bytes"` // of bodies, inflated
	Wire      int64     `json:"wire_bytes"` // of bodies as they came
	Last      time.Time `json:"last"`       // when the last document was acknowledged

	// Of lines that carry the time at which they were written, the seconds until their request was
	// received.
	LagP50 float64 `json:"lag_p50"`
	LagP99 float64 `json:"lag_p99"`
}

// sink is a bulk endpoint that acknowledges every document as OpenSearch does, heeding filter_path.
// It runs in a process of its own, so that its work is in nobody's figures.
type sink struct {
	mu     sync.Mutex
	counts sinkCounts
	lags   []float64
	pool   sync.Pool // of *exchange
}

// exchange is the memory of one request.
type exchange struct {
	wire, body bytes.Buffer
	answer     []byte
	gzip       *gzip.Reader
}

// serveSink prints its address and serves until it is killed.
func serveSink() error {
	listener, err := new(net.ListenConfig).Listen(ctxBackground, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("cannot listen: %w", err)
	}
	fmt.Println(listener.Addr())
	s := &sink{pool: sync.Pool{New: func() any { return new(exchange) }}}
	return (&http.Server{Handler: s.handler(), ReadHeaderTimeout: time.Minute}).Serve(listener)
}

func (s *sink) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /counts", s.serveCounts)
	mux.HandleFunc("POST /reset", s.serveReset)
	mux.HandleFunc("/", s.serveBulk)
	return mux
}

func (s *sink) serveCounts(w http.ResponseWriter, _ *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := s.counts
	counts.LagP50, counts.LagP99 = quantile(s.lags, 0.5), quantile(s.lags, 0.99)
	_ = json.NewEncoder(w).Encode(counts)
}

func (s *sink) serveReset(http.ResponseWriter, *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counts, s.lags = sinkCounts{}, s.lags[:0]
}

func (s *sink) serveBulk(w http.ResponseWriter, r *http.Request) {
	x := s.pool.Get().(*exchange)
	defer s.pool.Put(x)
	body, err := x.read(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	received := time.Now()
	documents := bytes.Count(body, []byte("\n")) / 2
	x.answer = appendAnswer(x.answer[:0], operation(body), documents,
		strings.Split(r.URL.Query().Get("filter_path"), ","))
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	w.Header().Set("Content-Length", fmt.Sprint(len(x.answer)))

	s.mu.Lock()
	s.counts.Requests++
	s.counts.Documents += int64(documents)
	s.counts.Body += int64(len(body))
	s.counts.Wire += int64(x.wire.Len())
	s.counts.Last = time.Now()
	s.lags = appendLags(s.lags, body, received)
	s.mu.Unlock()
	_, _ = w.Write(x.answer) // a client that is gone has its own error
}

// read returns the request's body, inflated.
func (x *exchange) read(r *http.Request) ([]byte, error) {
	x.wire.Reset()
	if _, err := x.wire.ReadFrom(r.Body); err != nil {
		return nil, err
	}
	if r.Header.Get("Content-Encoding") != "gzip" {
		return x.wire.Bytes(), nil
	}
	var err error
	if x.gzip == nil {
		x.gzip, err = gzip.NewReader(bytes.NewReader(x.wire.Bytes()))
	} else {
		err = x.gzip.Reset(bytes.NewReader(x.wire.Bytes()))
	}
	if err != nil {
		return nil, err
	}
	x.body.Reset()
	_, err = io.Copy(&x.body, x.gzip)
	return x.body.Bytes(), err
}

// writtenMark stands in a line before the time at which it was written, in ns since 1970 by 19
// digits.
const writtenMark = "WRITTEN="

// appendLags appends how many seconds each marked line of the body was under way.
func appendLags(lags []float64, body []byte, received time.Time) []float64 {
	for {
		at := bytes.Index(body, []byte(writtenMark))
		if at < 0 || len(body) < at+len(writtenMark)+19 {
			return lags
		}
		body = body[at+len(writtenMark):]
		if ns, err := strconv.ParseInt(string(body[:19]), 10, 64); err == nil {
			lags = append(lags, received.Sub(time.Unix(0, ns)).Seconds())
		}
	}
}

// operation is what the body's first action does.
func operation(body []byte) string {
	if bytes.HasPrefix(body, []byte(`{"index"`)) {
		return "index"
	}
	return "create"
}

// itemMembers are the members of an acknowledged item, in the server's order; %d is its number.
var itemMembers = []struct{ name, text string }{
	{"_index", `"_index":"eks-log"`}, {"_id", `"_id":"pQx0XpMBq8b2bJ2y%05d"`},
	{"_version", `"_version":1`}, {"result", `"result":"created"`},
	{"_shards", `"_shards":{"total":2,"successful":1,"failed":0}`}, {"_seq_no", `"_seq_no":%d`},
	{"_primary_term", `"_primary_term":1`}, {"status", `"status":201`},
}

// appendAnswer appends the answer to n documents. filter is the patterns of filter_path; "" keeps
// all.
func appendAnswer(b []byte, operation string, n int, filter []string) []byte {
	keeps := func(where string) bool {
		for _, pattern := range filter {
			if ok, _ := path.Match(strings.ReplaceAll(pattern, ".", "/"), where); ok ||
				pattern == "" {
				return true
			}
		}
		return false
	}
	var members []string
	for _, m := range itemMembers {
		if keeps("items/" + operation + "/" + m.name) {
			members = append(members, m.text)
		}
	}
	b = append(b, '{')
	if keeps("took") {
		b = append(b, `"took":17,`...)
	}
	b = append(b, `"errors":false,"items":[`...)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(append(b, `{"`...), operation...), `":{`...)
		for j, m := range members {
			if j > 0 {
				b = append(b, ',')
			}
			if strings.Contains(m, "%") {
				b = fmt.Appendf(b, m, i)
			} else {
				b = append(b, m...)
			}
		}
		b = append(b, "}}"...)
	}
	return append(b, "]}"...)
}

// sinkProcess is a sink in a process of its own.
type sinkProcess struct {
	address string // host:port
	child   *child
}

func startSink() (*sinkProcess, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program: %w", err)
	}
	c, first, err := startChild(self, "-sink")
	if err != nil {
		return nil, err
	}
	return &sinkProcess{address: first, child: c}, nil
}

func (s *sinkProcess) counts() (sinkCounts, error) {
	var counts sinkCounts
	response, err := http.Get("http://" + s.address + "/counts")
	if err != nil {
		return counts, fmt.Errorf("cannot ask the sink: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	err = json.NewDecoder(response.Body).Decode(&counts)
	return counts, err
}

func (s *sinkProcess) reset() error {
	response, err := http.Post("http://"+s.address+"/reset", "", nil)
	if err != nil {
		return fmt.Errorf("cannot reset the sink: %w", err)
	}
	return response.Body.Close()
}

func (s *sinkProcess) close() { s.child.kill() }
