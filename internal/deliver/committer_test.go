package deliver

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// pipes is a listener in memory, for tests in virtual time.
type pipes struct {
	conns chan net.Conn
	ended chan struct{}
	open  chan struct{} // connections are made once it is closed; nil for at once
}

func (p *pipes) dial(context.Context, string, string) (net.Conn, error) {
	if p.open != nil {
		<-p.open
	}
	client, server := net.Pipe()
	select {
	case p.conns <- server:
		return client, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.ended:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { close(p.ended); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// newDomainOnPipes is newDomain for a test in virtual time: how busy the machine is does not
// matter.
func newDomainOnPipes(t *testing.T) *domain {
	d := &domain{stored: map[string]string{}, Server: &httptest.Server{URL: "http://domain"}}
	d.pipes = &pipes{conns: make(chan net.Conn), ended: make(chan struct{})}
	server := &http.Server{Handler: d}
	go func() { _ = server.Serve(d.pipes) }()
	t.Cleanup(func() { _ = server.Close() })
	return d
}

// flushAll flushes one chunk for each tag, all at once, and returns how many were settled.
func flushAll(out *Deliverer, tags, lines int) int {
	var wait sync.WaitGroup
	var mu sync.Mutex
	settled := 0
	for i := range tags {
		wait.Go(func() {
			if out.Flush(fmt.Sprintf("kube.%d", i),
				chunkOf(lines, false, fmt.Sprintf("pod %d", i))) {
				mu.Lock()
				settled++
				mu.Unlock()
			}
		})
	}
	wait.Wait()
	return settled
}

// TestFlushesShareRequests has many small chunks come at once, several times.
func TestFlushesShareRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, options := range [][]string{{"Compress gzip"}, {"Compress none"}} {
			d := newDomainOnPipes(t)
			out, log := start(t, d, append(options, "Linger 1s")...)
			flushAll(out, 32, 20) // shows how many come at once
			before := len(d.requests)
			for range 3 {
				if n := flushAll(out, 32, 20); n != 32 {
					t.Fatalf("%d of 32 chunks settled\n%s", n, log)
				}
			}
			if got := len(d.requests) - before; got > 2*3 { // two where not all were under way at once when they were counted
				t.Fatalf("%d requests for three times 32 chunks\n%v", got, d.requests)
			}
			if d.in("eks-log") != 32*20 {
				t.Fatalf("%d documents", d.in("eks-log"))
			}
		}
	})
}

// TestLoneFlushWaitsForNobody is an agent without Workers.
func TestLoneFlushWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDomainOnPipes(t)
		out, _ := start(t, d, "Linger 1s")
		began := time.Now()
		for i := range 20 {
			if !out.Flush("t", chunkOf(1, false, fmt.Sprint(i))) {
				t.Fatal("not settled")
			}
		}
		if took := time.Since(began); took > 0 || len(d.requests) != 20 {
			t.Fatalf("20 flushes took %s in %d requests: they waited for others", took,
				len(d.requests))
		}
	})
}

// TestSharedRequestFailsInEveryWay has the first shared request fail, each time in another way,
// while it carries ten chunks: all is stored once, and what is to blame alone is not.
func TestSharedRequestFailsInEveryWay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const chunks, lines = 10, 20
		body := func(status int, typ string) func(string) (int, string) {
			return func(string) (int, string) {
				return status, fmt.Sprintf(`{"error":{"type":%q,"reason":"because"},"status":%d}`,
					typ, status)
			}
		}
		for name, fault := range map[string]func(body string) (int, string){
			"429":             body(429, "rejected_execution_exception"),
			"503":             body(503, ""),
			"security":        body(403, "security_exception"),
			"page":            func(string) (int, string) { return 400, "<html>" },
			"cut":             func(string) (int, string) { return 200, `{"errors":false,"items":[{"create":{"sta` },
			"too few items":   func(string) (int, string) { return 200, `{"errors":false,"items":[{"create":{"status":201}}]}` },
			"too large":       body(413, "x"),
			"cannot be read":  body(400, "parse_exception"),
			"everything open": func(b string) (int, string) { return 200, answerAll(b, 429, "rejected_execution_exception") },
		} {
			d := newDomainOnPipes(t)
			out, log := start(t, d, "Linger 300ms", "Retry_Budget 20s")
			flushAll(out, chunks, 1)
			stored := d.in("eks-log")
			failed := 0
			d.mu.Lock()
			d.refuse = func(_ *http.Request, b []byte) (int, string) {
				if failed++; failed > 1 {
					return 0, ""
				}
				if n := strings.Count(string(b), "\n") / 2; n <= lines {
					t.Errorf("%s: the failed request carries %d documents, no "+
						"more than one chunk's", name, n)
				}
				return fault(string(b))
			}
			d.mu.Unlock()
			if n := flushAll(out, chunks, lines); n != chunks {
				t.Errorf("%s: %d of %d chunks settled\n%s", name, n, chunks, log)
			}
			if got := d.in("eks-log") - stored; got != chunks*(lines-1) || d.in("eks-log-dead-letter") != 0 { // the first line was there
				t.Errorf("%s: %d documents more, %d dead letters\n%s", name, got,
					d.in("eks-log-dead-letter"), log)
			}
		}
	})
}

func answerAll(body string, status int, typ string) string {
	n := strings.Count(body, "\n") / 2
	item := fmt.Sprintf(`{"create":{"status":%d,"error":{"type":%q,"reason":"because"}}}`, status, typ)
	return `{"errors":true,"items":[` + strings.Repeat(item+",", n-1) + item + `]}`
}

// TestEachChunkOfASharedRequestGetsItsOwnVerdicts rejects some records of each of the chunks.
func TestEachChunkOfASharedRequestGetsItsOwnVerdicts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDomainOnPipes(t)
		d.judge = func(index, doc string) (int, string) {
			if index == "eks-log" && strings.Contains(doc, "pod 3 ") {
				return 403, "cluster_block_exception"
			}
			return reject(index, doc)
		}
		out, log := start(t, d, "Linger 300ms", "Retry_Budget 0s")
		flushAll(out, 8, 20)
		if n := flushAll(out, 8, 20); n != 7 {
			t.Fatalf("%d chunks settled, want all but that of pod 3\n%s", n, log)
		}
		if d.in("eks-log") != 7*18 || d.in("eks-log-dead-letter") != 7*2 {
			t.Fatalf("%d documents, %d dead letters\n%s", d.in("eks-log"),
				d.in("eks-log-dead-letter"), log)
		}
	})
}

// TestFlushesUnderWayAreBounded has many large chunks come at once before there is a connection.
func TestFlushesUnderWayAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := newDomainOnPipes(t)
		d.pipes.open = make(chan struct{})
		out, log := start(t, d)
		settled := make(chan bool, 20)
		for i := range cap(settled) {
			chunk := chunkOf(1000, false, fmt.Sprint(i, strings.Repeat("y", 3000)))
			out.Start("kube.a", chunk, func(ok bool) { settled <- ok })
		}
		synctest.Wait()
		out.builders.mu.Lock()
		if held, waiting := out.builders.held, len(out.builders.jobs); held > maxHeld ||
			waiting < 15 {
			t.Errorf("%d bytes are held, %d chunks wait for their turn", held, waiting)
		}
		out.builders.mu.Unlock()
		close(d.pipes.open)
		for range cap(settled) {
			if !<-settled {
				t.Fatalf("not settled\n%s", log)
			}
		}
		if d.in("eks-log") != 20*1000 {
			t.Fatalf("%d documents", d.in("eks-log"))
		}
	})
}
