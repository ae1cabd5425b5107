package opensearch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
	"time"

	"out_opensearch_irsa/internal/quote"
)

// A Request is one finished bulk body.
type Request struct {
	// Index is the index of the items that name none; "" where all do.
	Index string
	// Pipeline (option Pipeline) is the ingest pipeline; "" means the index's own.
	Pipeline string
	// Body is the body as it goes over the wire. It is not read, and not held, after Bulk has
	// returned.
	Body []byte
	// Gzip says that Body is gzip.
	Gzip bool
	// Items is how many items Body holds.
	Items int
}

// A Result says what became of one attempt. Exactly one of Delivered, Items and Failure is set.
type Result struct {
	// Status is the HTTP status; 0 if there was no answer.
	Status int
	// Delivered says that the answer acknowledged every item with a 2xx of its own.
	Delivered bool
	// Items has one entry for each item, in their order, if not all of them were acknowledged.
	Items []Item
	// Failure says why the request as a whole failed.
	Failure *Failure
	// RetryAfter is what the server asked for; 0 if nothing.
	RetryAfter time.Duration
	// Date is the server's clock, to the second; zero if it sent none.
	Date time.Time
	// Took is how long the attempt lasted, signing included.
	Took time.Duration
}

// An Item is what the server said about one document.
type Item struct {
	Verdict Verdict
	Kind    Kind
	Effect  Effect
	Status  int
	// Duplicate says that a create met a document of the same id, which exists from an earlier
	// attempt.
	Duplicate bool
	// Type and Reason are the server's error with the causes below it, at most 1 KiB and on one
	// line. Reason may quote a piece of the document: it belongs to the dead letters, and in a log
	// only if the user asked for that.
	Type, Reason string
}

// A Failure is the reason why a whole request failed. It is an error.
type Failure struct {
	Kind   Kind
	Status int // HTTP status; 0 if there was no answer
	// Verdict is Retry or Rejected.
	Verdict Verdict
	// Effect is what follows besides.
	Effect Effect
	// Summary says in one line what happened, with the server's words (at most 1 KiB, secrets cut
	// out).
	Summary string
	// Remedy says in one line what a person can do; "" where nothing needs to be done.
	Remedy string
	// Ambiguous says that the server may have stored some or all of the items although it did not
	// say so.
	Ambiguous bool
	// AccessKeyID is the key that signed the request, to be given to Identity.Invalidate for
	// ExpiredToken and InvalidToken.
	AccessKeyID string
	// Err is the error below, if any.
	Err error
}

func (f *Failure) Error() string {
	if f.Remedy == "" {
		return f.Summary
	}
	return f.Summary + ": " + f.Remedy
}

func (f *Failure) Unwrap() error { return f.Err }

// filterPath keeps of each item its status and its error: an eighth of the answer. The encoding is
// SigV4's canonical one.
var filterPath = "filter_path=" + url.QueryEscape("errors,items.*.status,items.*.error")

// Shared header values: a header's slice is only read on the way out.
var (
	ndjson  = []string{"application/x-ndjson"}
	gzipEnc = []string{"gzip"}
)

// Bulk sends one request, once, and reads the verdicts from the answer. It returns when the answer
// is read, at ctx's end or at the timeout.
func (c *Client) Bulk(ctx context.Context, r *Request) Result {
	began := time.Now()
	ctx, cancel := context.WithTimeoutCause(ctx, c.timeout, errAttemptTimeout)
	defer cancel()

	src := &source{data: r.Body}
	defer src.detach()
	a := &attempt{sha256: c.hash(r.Body)}
	defer a.release()

	req := &http.Request{
		Method: http.MethodPost, URL: c.url(r), Host: c.host, Proto: "HTTP/1.1", ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     http.Header{"Content-Type": ndjson},
		Body:       src.open(), GetBody: src.reopen, ContentLength: int64(len(r.Body)),
	}
	if r.Gzip {
		req.Header["Content-Encoding"] = gzipEnc
	}
	if c.basic != "" {
		req.Header["Authorization"] = []string{c.basic}
	}
	req = req.WithContext(context.WithValue(ctx, attemptKey{}, a))

	res, err := c.transport.Perform(req)
	var out Result
	switch {
	case err != nil:
		out.Failure = c.advice.transportError(ctx, a, src, err)
	default:
		_ = res.Body.Close() // empty: a holds what was in it
		out = c.result(r, res, a)
	}
	if f := out.Failure; f != nil && (f.Kind == ExpiredToken || f.Kind == InvalidToken) {
		f.AccessKeyID = accessKeyID(req.Header.Get("Authorization"))
	}
	out.Took = time.Since(began)
	return out
}

// result turns an answer into a Result.
func (c *Client) result(r *Request, res *http.Response, a *attempt) Result {
	out := Result{Status: res.StatusCode, RetryAfter: retryAfter(res.Header.Get("Retry-After"))}
	if d, err := http.ParseTime(res.Header.Get("Date")); err == nil {
		out.Date = d
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		out.Failure = c.advice.refused(res, a.answer)
		return out
	}
	if a.readErr != nil {
		out.Failure = c.advice.badAnswer(res,
			"its answer broke off: "+quote.Line(a.readErr.Error()), a.readErr)
		return out
	}
	items, err := parseAnswer(a.answer, r.Items)
	if err != nil {
		out.Failure = c.advice.badAnswer(res, err.Error()+bodySuffix(a.answer), err)
		return out
	}
	out.Items, out.Delivered = items, items == nil
	return out
}

// hash is the hex SHA-256 of a body as it goes over the wire, for the signature; "" where nothing
// is signed.
func (c *Client) hash(body []byte) string {
	if !c.advice.signed {
		return ""
	}
	sum := sha256.Sum256(body)
	return hex.EncodeToString(sum[:])
}

// url makes the request's address. Path and query are what SigV4 signs: the query's keys are in
// order.
func (c *Client) url(r *Request) *url.URL {
	u := &url.URL{Scheme: c.scheme, Host: c.host, Path: c.base + "/_bulk", RawQuery: filterPath}
	if r.Index != "" {
		u.Path = c.base + "/" + r.Index + "/_bulk"
	}
	if r.Pipeline != "" {
		u.RawQuery += "&pipeline=" + strings.ReplaceAll(url.QueryEscape(r.Pipeline), "+", "%20")
	}
	return u
}

// accessKeyID is the key that a SigV4 Authorization header names; "" if it is none.
func accessKeyID(authorization string) string {
	_, rest, ok := strings.Cut(authorization, "Credential=")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}
