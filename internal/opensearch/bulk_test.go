package opensearch

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/quote"
)

var oneItem = []byte("{\"create\":{}}\n{\"a\":1}\n")

const oneDelivered = `{"errors":false,"items":[{"create":{"status":201}}]}`

func deliver(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, oneDelivered)
}

func TestRequestOnTheWire(t *testing.T) {
	var got *http.Request
	var body []byte
	h := func(w http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
		_, _ = io.WriteString(w, oneDelivered)
	}
	server := httptest.NewServer(http.HandlerFunc(h))
	defer server.Close()
	f := func(path string, r Request, uri string, change func(*Options)) http.Header {
		t.Helper()
		r.Body, r.Items = oneItem, 1
		res := client(t, server.URL+path, change).Bulk(t.Context(), &r)
		if !res.Delivered || res.Failure != nil || res.Status != 200 || res.Took <= 0 ||
			time.Since(res.Date).Abs() > time.Minute {
			t.Errorf("%s: got %+v", uri, res)
		}
		if got.Method != http.MethodPost || got.RequestURI != uri || !bytes.Equal(body, oneItem) ||
			got.ContentLength != int64(len(oneItem)) {
			t.Errorf("got %s %s of %d bytes, want %s", got.Method, got.RequestURI,
				got.ContentLength, uri)
		}
		if got.Header.Get("Content-Type") != "application/x-ndjson" ||
			got.Header.Get("Accept-Encoding") != "" || got.Header.Get("Expect") != "" {
			t.Errorf("headers %v", got.Header)
		}
		return got.Header
	}
	const query = "?filter_path=errors%2Citems.%2A.status%2Citems.%2A.error"
	none := func(*Options) {}
	h1 := f("", Request{}, "/_bulk"+query, none)
	if h1.Get("Authorization") != "" || h1.Get("Content-Encoding") != "" ||
		!strings.HasPrefix(h1.Get("User-Agent"), "opensearch-go/") {
		t.Errorf("headers %v", h1)
	}
	h2 := f("/base/", Request{Index: "eks-log-2026.01.01", Pipeline: "p q&r", Gzip: true},
		"/base/eks-log-2026.01.01/_bulk"+query+"&pipeline=p%20q%26r",
		func(o *Options) { o.Username, o.UserAgent = "u", "agent/1" })
	if h2.Get("Content-Encoding") != "gzip" || h2.Get("Authorization") != "Basic dTo=" ||
		h2.Get("User-Agent") != "agent/1" {
		t.Errorf("headers %v", h2)
	}
	sum := sha256.Sum256(oneItem)
	hash := hex.EncodeToString(sum[:])
	h3 := f("", Request{}, "/_bulk"+query,
		func(o *Options) { o.Signer, o.Username = fakeSigner{}, "not used" })
	if !strings.HasSuffix(h3.Get("Authorization"), "Signature="+hash) {
		t.Errorf("headers %v", h3)
	}
}

func TestNewFailure(t *testing.T) {
	for _, s := range []string{"", "search.example:9200", "ftp://search.example", "/path"} {
		u, err := url.Parse(s)
		if err != nil {
			u = nil
		}
		if _, err := New(Options{Endpoint: u}); err == nil ||
			!strings.Contains(err.Error(), "Endpoint") {
			t.Errorf("%q: got %v", s, err)
		}
	}
}

// TestNothingPrintsThePassword prints a Client and its Options in every way that there is.
func TestNothingPrintsThePassword(t *testing.T) {
	o := Options{Endpoint: &url.URL{Scheme: "http", Host: "127.0.0.1:1"}, Username: "admin",
		Password: config.Secret("hunter2-hunter2")}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	encoded := base64.StdEncoding.EncodeToString([]byte("admin:hunter2-hunter2"))
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x"} {
		for _, value := range []any{o, c, struct{ Client any }{c}} {
			text := fmt.Sprintf(verb, value)
			for _, secret := range []string{"hunter2", encoded, fmt.Sprintf("%x", "hunter2")} {
				if strings.Contains(text, secret) {
					t.Errorf("%s of %T shows it: %s", verb, value, text)
				}
			}
		}
	}
}

// TestBadAnswers wants a 2xx that does not account for each item to count as nothing but a reason
// to try again.
func TestBadAnswers(t *testing.T) {
	f := func(answer string, words ...string) {
		t.Helper()
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			_,
				_ = io.WriteString(w, answer)
		})
		got := c.Bulk(t.Context(), &Request{Body: oneItem, Items: 1})
		fail := got.Failure
		if got.Delivered || got.Items != nil || fail == nil || fail.Kind != BadAnswer ||
			fail.Verdict != Retry || !fail.Ambiguous || fail.Remedy == "" ||
			!containsAll(fail.Error(), words) {
			t.Errorf("%q: got %+v", answer, got)
		}
	}
	f("", "empty")
	f(`{"took":1,"errors":false,"items":[]}`, "0 items, and 1 were sent")
	f("<html>\n<body>Welcome</body></html>", "not that of the bulk API", "<html> <body>Welcome")
	f(oneDelivered[:20], "not that of the bulk API")
	f(`{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}`,
		"more than the 1 items")
}

// TestBrokenAnswers has connections break at every stage of an answer.
func TestBrokenAnswers(t *testing.T) {
	f := func(name string, kind Kind, requests int32, serveConn func(net.Conn)) {
		t.Helper()
		var n atomic.Int32
		c := client(t, listen(t, func(conn net.Conn) {
			readRequest(conn)
			n.Add(1)
			serveConn(conn)
		}))
		res := c.Bulk(t.Context(), &Request{Body: oneItem, Items: 1})
		if res.Failure == nil || res.Failure.Kind != kind || !res.Failure.Ambiguous ||
			res.Failure.Verdict != Retry || res.Delivered || res.Failure.Remedy == "" {
			t.Errorf("%s: got %+v", name, res.Failure)
		}
		if n.Load() != requests {
			t.Errorf("%s: %d requests were sent, want %d", name, n.Load(), requests)
		}
	}
	say := func(s string) func(net.Conn) {
		return func(conn net.Conn) { _, _ = io.WriteString(conn, s) }
	}
	// opensearch-go's transport would send the spent body three times more for an EOF, were it not
	// hidden from it.
	f("closed without an answer", Reset, 1, func(net.Conn) {})
	f("reset", Reset, 1, func(conn net.Conn) { _ = conn.(*net.TCPConn).SetLinger(0) })
	f("half a header", Reset, 1, say("HTTP/1.1 200 OK\r\nConte"))
	f("no HTTP", WrongEndpoint, 1, say("SSH-2.0-OpenSSH_9.6\r\n\r\n"))
	f("half a body", BadAnswer, 1,
		say("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n"+oneDelivered))
	f("half a chunk", BadAnswer, 1, say("HTTP/1.1 200 OK\r\nTransfer-Encoding: "+
		"chunked\r\n\r\n40\r\n"+oneDelivered))
}

func TestEndlessAnswer(t *testing.T) {
	chunk := bytes.Repeat([]byte(" "), 1<<20)
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		for {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}, func(o *Options) { o.Timeout = 10 * time.Minute }) // 64 MiB take long on a busy machine
	res := c.Bulk(t.Context(), &Request{Body: oneItem, Items: 1})
	if f := res.Failure; f == nil || f.Kind != BadAnswer || !errors.Is(f, errAnswerTooLarge) {
		t.Errorf("got %+v", res)
	}
}

// TestBufferOfALongAnswerIsNotKept is about memory: one long answer must not stay for the agent's
// life.
func TestBufferOfALongAnswerIsNotKept(t *testing.T) {
	long := bytes.NewBuffer(make([]byte, 0, 2*keptBuffer))
	a := &attempt{buf: long, answer: []byte("answer")}
	a.release()
	if a.buf != nil || a.answer != nil {
		t.Fatalf("%+v", a)
	}
	a.release() // has no more
	for range 10 {
		if answers.Get() == long {
			t.Fatal("kept")
		}
	}
}

// TestBufferOfAnAnswerIsUsedAgain is about memory too: the pool has the buffer, though not always.
func TestBufferOfAnAnswerIsUsedAgain(t *testing.T) {
	c := serve(t, deliver)
	for name, request := range map[string]func(){
		"bulk":  func() { c.Bulk(t.Context(), &Request{Body: oneItem, Items: 1}) },
		"other": func() { c.Do(t.Context(), http.MethodPost, "/_search", "", []byte("{}")) },
	} {
		kept := 0
		for range 50 {
			for range 10 {
				answers.Get()
			}
			if request(); answers.Get().(*bytes.Buffer).Cap() > 0 {
				kept++
			}
		}
		if kept == 0 {
			t.Errorf("%s: no buffer comes back", name)
		}
	}
}

// TestAnswerTakesTheMemoryThatItNeeds has answers tell their length, which is not believed beyond
// what is read of them.
func TestAnswerTakesTheMemoryThatItNeeds(t *testing.T) {
	f := func(status, length, most int) {
		t.Helper()
		for range 10 {
			answers.Get() // so that the next one is new
		}
		a := &attempt{}
		a.read(&http.Response{StatusCode: status, ContentLength: int64(length),
			Body: io.NopCloser(bytes.NewReader(make([]byte, length)))})
		if want := min(length, most); len(a.answer) != want || cap(a.answer) > want+want/4 {
			t.Errorf("%d bytes of %d are read, into %d", len(a.answer), length, cap(a.answer))
		}
	}
	for n := 60_000; n < 250_000; n += 20_000 { // a buffer that doubles is far too large for some of them
		f(200, n, maxAnswer)
	}
	f(403, maxRefusal, maxRefusal)
	a := &attempt{}
	a.read(&http.Response{StatusCode: 403, ContentLength: 1 << 40, Body: http.NoBody})
	if len(a.answer) != 0 || cap(a.answer) > 2*maxRefusal {
		t.Errorf("%d bytes for what was only promised", cap(a.answer))
	}
}

// TestIdleConnections are as many as Workers, or four.
func TestIdleConnections(t *testing.T) {
	for workers, want := range map[int]int{-1: 4, 0: 4, 1: 1, 7: 7} {
		if c := client(t, "http://127.0.0.1:1",
			func(o *Options) { o.MaxConns = workers }); c.conns.MaxIdleConnsPerHost != want {
			t.Errorf("%d workers: %d connections are kept", workers, c.conns.MaxIdleConnsPerHost)
		}
	}
}

func TestLongRefusal(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(403)
		_, _ = io.WriteString(w, `{"message":"Rate exceeded`+strings.Repeat("\n é", 200_000)+`"}`)
	})
	res := c.Bulk(t.Context(), &Request{Body: oneItem, Items: 1})
	if f := res.Failure; f == nil || f.Kind != Throttled || len(f.Summary) > quote.Max+100 ||
		strings.Contains(f.Summary, "\n") {
		t.Errorf("got %+v", res.Failure)
	}
}

// TestRefusalHoldsNoSecrets has servers and proxies repeat what they were sent.
func TestRefusalHoldsNoSecrets(t *testing.T) {
	for _, body := range []string{
		"denied; your request: Authorization: Basic SECRET",
		`{"error":{"type":"x","reason":"Authorization: Basic SECRET"},"status":400}`,
		`{"error":{"type":"security_exception","reason":"X-Amz-Security-Token: SECRET"}}`,
		`{"message":"password=SECRET"}`,
	} {
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "https://idp.example/?password=SECRET")
			w.WriteHeader(403)
			_, _ = io.WriteString(w, body)
		})
		res := c.Bulk(t.Context(), &Request{Body: oneItem, Items: 1})
		if f := res.Failure; f == nil || strings.Contains(f.Error(), "SECRET") {
			t.Errorf("%s: %v", body, f)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	f := func(v string, least, most time.Duration) {
		t.Helper()
		c := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", v)
			w.WriteHeader(429)
		})
		if got := c.Bulk(t.Context(), &Request{Body: oneItem, Items: 1}).RetryAfter; got < least ||
			got > most {
			t.Errorf("%q: got %s", v, got)
		}
	}
	f("7", 7*time.Second, 7*time.Second)
	f("", 0, 0)
	f("-3", 0, 0)
	f("soon", 0, 0)
	f("86400", time.Minute, time.Minute)
	f("99999999999", time.Minute, time.Minute)
	f("99999999999999999999", 0, 0)
	f(time.Now().Add(time.Hour).UTC().Format(http.TimeFormat), time.Minute, time.Minute)
	f(time.Now().Add(time.Minute).UTC().Format(http.TimeFormat), 50*time.Second, time.Minute)
	f(time.Now().Add(-time.Minute).UTC().Format(http.TimeFormat), 0, 0)
}

// told is an error like identity's.
type told struct{}

func (told) Error() string                     { return "long" }
func (told) Explain() (summary, remedy string) { return "no token\nfile", "restart the pod" }

func TestSignerFails(t *testing.T) {
	c := serve(t, func(http.ResponseWriter,
		*http.Request) {
		t.Error("an unsigned request was sent")
	},
		func(o *Options) { o.Signer = fakeSigner{err: fmt.Errorf("wrapped: %w", told{})} })
	f := c.Bulk(t.Context(), &Request{Body: oneItem, Items: 1}).Failure
	if f == nil || f.Kind != Credentials || f.Ambiguous || f.Verdict != Retry ||
		f.Summary != "no token file" || f.Remedy != "restart the pod" || !errors.Is(f, told{}) {
		t.Errorf("got %+v", f)
	}
	c = serve(t, func(http.ResponseWriter, *http.Request) {},
		func(o *Options) { o.Signer = fakeSigner{err: errors.New("plain")} })
	f = c.Bulk(t.Context(), &Request{Body: oneItem, Items: 1}).Failure
	if f == nil || f.Kind != Credentials || !strings.Contains(f.Summary, "plain") ||
		f.Remedy == "" {
		t.Errorf("got %+v", f)
	}
}

// TestConnectionsAreKept wants one connection for one request after another, refusals included.
func TestConnectionsAreKept(t *testing.T) {
	var conns, n atomic.Int32
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%2 == 0 {
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(429)
			return
		}
		deliver(w, r)
	}))
	s.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			conns.Add(1)
		}
	}
	s.Start()
	defer s.Close()
	c := client(t, s.URL)
	for range 10 {
		c.Bulk(t.Context(), &Request{Body: oneItem, Items: 1})
	}
	if n.Load() != 10 || conns.Load() != 1 {
		t.Errorf("%d requests on %d connections", n.Load(), conns.Load())
	}
}

// TestBodyGoesBack has servers answer before they read the body. The body's owner writes into it as
// soon as Bulk returns, and nothing of that may be seen by the server (nor by the race detector).
func TestBodyGoesBack(t *testing.T) {
	const size = 8 << 20 // more than the sockets hold
	for _, status := range []string{"429 Too Many Requests", "200 OK"} {
		received, returned := make(chan []byte, 1), make(chan struct{})
		c := client(t, listen(t, func(conn net.Conn) {
			in := bufio.NewReader(conn)
			readHeader(in)
			_, _ = io.WriteString(conn, "HTTP/1.1 "+status+"\r\nContent-Length: 0\r\n\r\n")
			<-returned
			b, _ := io.ReadAll(in)
			received <- b
		}))
		body := bytes.Repeat([]byte("a"), size)
		res := c.Bulk(t.Context(), &Request{Body: body, Items: 1})
		for i := range body {
			body[i] = 'X'
		}
		close(returned)
		if res.Failure == nil || res.Status/100 == 0 {
			t.Errorf("%s: got %+v", status, res)
		}
		if b := <-received; bytes.IndexByte(b, 'X') >= 0 || len(b) == size {
			t.Errorf("%s: the server got %d bytes, some of them written after Bulk "+
				"had returned: %v", status, len(b), bytes.IndexByte(b, 'X') >= 0)
		}
	}
}

func TestSource(t *testing.T) {
	s := &source{data: []byte("body")}
	one := s.open()
	if _, err := io.ReadFull(one, make([]byte, 3)); err != nil || s.complete() {
		t.Errorf("%v, complete %v", err, s.complete())
	}
	two, _ := s.reopen() // a dead connection: from the start again
	if b, err := io.ReadAll(two); string(b) != "body" || err != nil || !s.complete() {
		t.Errorf("%q, %v", b, err)
	}
	s.detach()
	if n, err := one.Read(make([]byte, 1)); n != 0 || !errors.Is(err, errDetached) {
		t.Errorf("read %d bytes, %v after detach", n, err)
	}
}

// TestBodyIsWrittenAtOnce holds net/http to the way in which it copies a body: a change would cost
// CPU and break nothing.
func TestBodyIsWrittenAtOnce(t *testing.T) {
	c := serve(t, deliver)
	dialed := c.conns.DialContext
	largest := 0
	c.conns.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		open, err := dialed(ctx, network, address)
		return conn{writes{open, &largest}}, err
	}
	body := make([]byte, 1<<20)
	if res := c.Bulk(t.Context(), &Request{Body: body, Items: 1}); !res.Delivered {
		t.Fatalf("%+v", res.Failure)
	}
	if largest < len(body)-c.conns.WriteBufferSize {
		t.Errorf("a body of %d bytes was written in pieces of %d at most", len(body), largest)
	}
}

// writes notes the largest write.
type writes struct {
	net.Conn
	largest *int
}

func (w writes) Write(b []byte) (int, error) {
	*w.largest = max(*w.largest, len(b))
	return w.Conn.Write(b)
}

func TestConcurrent(t *testing.T) {
	c := serve(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		_, _ = w.Write(answerOf(len(b), nil))
	})
	var wg sync.WaitGroup
	for n := range 8 {
		wg.Go(func() {
			for i := range 20 {
				items := 1 + n*50 + i
				if res := c.Bulk(t.Context(), &Request{Body: make([]byte, items),
					Items: items}); !res.Delivered {
					t.Errorf("%d items: %+v", items, res.Failure)
				}
			}
		})
	}
	wg.Wait()
}

func TestCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		cancel()
		<-r.Context().Done()
	})
	f := c.Bulk(ctx, &Request{Body: oneItem, Items: 1}).Failure
	if f == nil || f.Kind != Canceled || !f.Ambiguous || !errors.Is(f, context.Canceled) {
		t.Errorf("got %+v", f)
	}
	if f = c.Bulk(ctx, &Request{Body: oneItem, Items: 1}).Failure; f == nil || f.Kind != Canceled ||
		f.Ambiguous {
		t.Errorf("got %+v for a context that had ended before", f)
	}
}

func TestTimeout(t *testing.T) {
	c := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}, func(o *Options) { o.Timeout = 50 * time.Millisecond })
	f := c.Bulk(t.Context(), &Request{Body: oneItem, Items: 1}).Failure
	if f == nil || f.Kind != Timeout || !f.Ambiguous ||
		!strings.Contains(f.Summary, "Request_Timeout") ||
		!strings.Contains(f.Remedy, "security group") {
		t.Errorf("got %+v", f)
	}
	// The server does not take the whole body.
	stuck := make(chan struct{})
	c = client(t, listen(t, func(net.Conn) { <-stuck }),
		func(o *Options) { o.Timeout = 50 * time.Millisecond })
	f = c.Bulk(t.Context(), &Request{Body: make([]byte, 8<<20), Items: 1}).Failure
	close(stuck)
	if f == nil || f.Kind != Timeout || f.Ambiguous {
		t.Errorf("got %+v", f)
	}
	// The answer begins and does not end.
	c = serve(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, oneDelivered[:10])
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	}, func(o *Options) { o.Timeout = 50 * time.Millisecond })
	if f := c.Bulk(t.Context(), &Request{Body: oneItem, Items: 1}).Failure; f == nil ||
		f.Kind != BadAnswer || !f.Ambiguous {
		t.Errorf("got %+v", f)
	}
}

// listen accepts connections on loopback, one goroutine each, and closes them after f. It returns
// the address as a URL.
func listen(t *testing.T, f func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				f(conn)
				_ = conn.Close()
			})
		}
	})
	t.Cleanup(func() { _ = l.Close(); wg.Wait() })
	return "http://" + l.Addr().String()
}

// readRequest reads one request to its end.
func readRequest(conn net.Conn) {
	if r, err := http.ReadRequest(bufio.NewReader(conn)); err == nil {
		_, _ = io.Copy(io.Discard, r.Body)
	}
}

// readHeader reads a request up to its body.
func readHeader(in *bufio.Reader) {
	for {
		if line, err := in.ReadString('\n'); err != nil || line == "\r\n" {
			return
		}
	}
}

func BenchmarkBulk(b *testing.B) {
	answer := answerOf(4000, nil)
	c := serve(b, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(answer)
	}, func(o *Options) { o.Signer = fakeSigner{} })
	body := bytes.Repeat([]byte("x"), 400<<10) // 4,000 documents after gzip
	r := &Request{Index: "eks-log", Body: body, Gzip: true, Items: 4000}
	b.ReportAllocs()
	for b.Loop() {
		if res := c.Bulk(b.Context(), r); !res.Delivered {
			b.Fatal(res.Failure)
		}
	}
}
