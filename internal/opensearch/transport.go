package opensearch

import (
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

const (
	// maxAnswer bounds the answer to a bulk request that went well. 200 bytes an item with every
	// field, so 300,000 items.
	maxAnswer = 64 << 20
	// maxRefusal bounds what is read of any other answer: enough to tell its cause and to quote it.
	maxRefusal = 64 << 10
	// keptBuffer is the largest answer buffer that is kept for the next attempt.
	keptBuffer = 1 << 20
)

var (
	errAttemptTimeout = errors.New("no complete answer within Request_Timeout")
	errAnswerTooLarge = fmt.Errorf("the answer is longer than %d MiB", maxAnswer>>20)
)

// newConns is the connection pool: HTTP/1.1, which is all that net/http speaks over a dialer of
// one's own, since one bulk body at a time fills a connection and HTTP/2 would only add framing and
// flow control.
func newConns(o Options) *http.Transport {
	tlsConfig := &tls.Config{MinVersion: tls.VersionTLS12}
	if o.TLS != nil {
		tlsConfig = o.TLS.Clone()
		tlsConfig.MinVersion = max(tlsConfig.MinVersion, tls.VersionTLS12)
	}
	dialer := o.Dial
	if dialer == nil {
		dialer = (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	}
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         dial(dialer),
		TLSHandshakeTimeout: 10 * time.Second,
		TLSClientConfig:     tlsConfig,
		MaxIdleConnsPerHost: o.MaxConns,
		// Shorter than the minute after which load balancers drop a silent connection.
		IdleConnTimeout: 50 * time.Second,
		// The answer is short and compressing it costs both sides CPU.
		DisableCompression: true,
		WriteBufferSize:    64 << 10,
		ReadBufferSize:     32 << 10,
	}
}

type attemptKey struct{}

// An attempt travels in the request's context past opensearch-go's transport, which passes neither
// the body's hash to the signer nor the error of reading an answer to its caller.
type attempt struct {
	sha256  string
	signErr error
	answer  []byte // the answer's body, as far as it was read
	readErr error  // why reading it stopped early
	buf     *bytes.Buffer
}

var answers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// release gives the answer's buffer back. Nothing that Bulk returns refers to it.
func (a *attempt) release() {
	if a.buf != nil && a.buf.Cap() <= keptBuffer {
		a.buf.Reset()
		answers.Put(a.buf)
	}
	a.buf, a.answer = nil, nil
}

// exchange is the round trip below opensearch-go's transport. It reads the answer itself, bounded
// and into a kept buffer, and never returns a bare io.EOF, which that transport would answer by
// sending the spent body again, even with its retries disabled.
type exchange struct {
	next      http.RoundTripper
	userAgent string
}

func (e *exchange) RoundTrip(req *http.Request) (*http.Response, error) {
	if e.userAgent != "" {
		req.Header.Set("User-Agent", e.userAgent)
	}
	res, err := e.next.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("cannot exchange with %q: %w", req.URL.Host, err)
	}
	a, ok := req.Context().Value(attemptKey{}).(*attempt)
	if !ok {
		return res, nil
	}
	a.read(res)
	res.Body = http.NoBody
	return res, nil
}

// read takes the answer's body. What does not fit is not waited for: closing the body then closes
// the connection.
func (a *attempt) read(res *http.Response) {
	defer func() { _ = res.Body.Close() }()
	limit := int64(maxRefusal)
	if res.StatusCode >= 200 && res.StatusCode <= 299 {
		limit = maxAnswer
	}
	a.buf = answers.Get().(*bytes.Buffer)
	if n := res.ContentLength; n > 0 && n <= limit {
		a.buf.Grow(int(n) + bytes.MinRead) // else ReadFrom would double it just to see the end
	}
	n, err := a.buf.ReadFrom(io.LimitReader(res.Body, limit+1))
	if err == nil && n > limit && limit == maxAnswer {
		err = errAnswerTooLarge
	}
	a.answer, a.readErr = a.buf.Bytes(), err
}

// signerAdapter gives opensearch-go's transport a Signer that knows the body's hash.
type signerAdapter struct{ Signer }

func (s signerAdapter) SignRequest(req *http.Request) error {
	a, ok := req.Context().Value(attemptKey{}).(*attempt)
	if !ok {
		return errors.New("cannot sign a request of unknown origin")
	}
	a.signErr = s.Sign(req.Context(), req, a.sha256)
	return a.signErr
}
