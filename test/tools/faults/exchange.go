package main

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
)

// exchange is a request on which a fault acts.
type exchange struct {
	domain *domain
	w      http.ResponseWriter
	r      *http.Request
}

// forward lets the front door, and OpenSearch behind it, do what is asked, and keeps the answer.
func (x *exchange) forward() *answer {
	a := &answer{header: http.Header{}}
	x.domain.door.ServeHTTP(a, x.r)
	x.domain.note(a)
	return a
}

// refuse answers without looking at the request.
func (x *exchange) refuse(status int, contentType, body string) {
	_, _ = io.Copy(io.Discard, x.r.Body) // else the connection would break, which is another fault
	x.w.Header().Set("Content-Type", contentType)
	x.w.WriteHeader(status)
	_, _ = io.WriteString(x.w, body)
}

// reset breaks the connection with a RST.
func (x *exchange) reset() {
	conn, _, err := http.NewResponseController(x.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // a broken connection too, with an end of file
	}
	if over, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = over.NetConn() // TLS would say good-bye first
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// answer is an answer in memory.
type answer struct {
	status int
	header http.Header
	body   bytes.Buffer
}

// Header is http.ResponseWriter's.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader is http.ResponseWriter's.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= 200 {
		a.status = status
	}
}

// Write is http.ResponseWriter's.
func (a *answer) Write(b []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(b)
}

func (a *answer) writeHead(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.Header().Set("Content-Length", strconv.Itoa(a.body.Len()))
	w.WriteHeader(a.status)
}

func (a *answer) writeTo(w http.ResponseWriter) {
	a.writeHead(w)
	_, _ = w.Write(a.body.Bytes()) // an agent that is gone is what some faults are about
}

// writeHalf sends the head and the first half of the body, and breaks off.
func (a *answer) writeHalf(w http.ResponseWriter) {
	a.writeHead(w)
	_, _ = w.Write(a.body.Bytes()[:a.body.Len()/2])
	_ = http.NewResponseController(w).Flush()
	panic(http.ErrAbortHandler)
}
