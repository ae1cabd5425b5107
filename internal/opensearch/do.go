package opensearch

import (
	"bytes"
	"context"
	"net/http"
	"net/url"

	"out_opensearch_irsa/internal/quote"
)

// A Response is what a request other than a bulk one brought.
type Response struct {
	// Status is the HTTP status; 0 if there was no answer.
	Status int
	// Body is the answer's, up to 64 MiB of a 2xx and 64 KiB of any other. It is the caller's.
	Body []byte
	// Failure says why there is no answer, or why it is no 2xx.
	Failure *Failure
}

// Do sends one request, once, for what is not delivery: mappings and searches. path comes behind
// the option Path; query has its keys in order. The body is JSON; nil for none.
func (c *Client) Do(ctx context.Context, method, path, query string, body []byte) Response {
	header := http.Header{}
	if body != nil {
		header["Content-Type"] = []string{"application/json"}
	}
	return c.DoWith(ctx, method, path, query, header, body)
}

// DoWith is Do with headers of one's own, Content-Type among them: Dashboards' API wants some. They
// are the caller's and are not changed.
func (c *Client) DoWith(ctx context.Context, method, path, query string, header http.Header,
	body []byte) Response {
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errAttemptTimeout)
	defer cancel()
	src := &source{data: body}
	defer src.detach()
	a := &attempt{sha256: c.hash(body)}
	defer a.release()

	req := &http.Request{
		Method: method, URL: &url.URL{Scheme: c.scheme, Host: c.host, Path: c.base +
			path, RawQuery: query}, Host: c.host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: header.Clone(),
	}
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if body != nil {
		req.Body, req.GetBody, req.ContentLength = src.open(), src.reopen, int64(len(body))
	}
	if c.basic != "" {
		req.Header["Authorization"] = []string{c.basic}
	}
	res, err := c.transport.Perform(req.WithContext(context.WithValue(ctx, attemptKey{}, a)))
	if err != nil {
		return Response{Failure: c.advice.transportError(ctx, a, src, err)}
	}
	_ = res.Body.Close() // empty: a holds what was in it
	out := Response{Status: res.StatusCode, Body: bytes.Clone(a.answer)}
	switch {
	case res.StatusCode < 200 || res.StatusCode > 299:
		out.Failure = c.advice.refused(res, a.answer)
	case a.readErr != nil:
		out.Failure = c.advice.badAnswer(res,
			"its answer broke off: "+quote.Line(a.readErr.Error()), a.readErr)
	}
	return out
}
