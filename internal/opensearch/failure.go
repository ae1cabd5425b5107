package opensearch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// refused is the Failure of an answer other than 2xx.
func (ad advice) refused(res *http.Response, body []byte) *Failure {
	typ, reason := requestError(body)
	text := strings.ToLower(reason + "\n" + string(body[:min(len(body), 8*maxQuote)]))
	r := rowFor(fact{level: request, status: res.StatusCode, typ: typ, text: text})
	f := &Failure{Kind: r.kind, Status: res.StatusCode, Verdict: r.verdict, Effect: r.effect, Summary: fmt.Sprintf("%s answered %d %s", ad.endpoint, res.StatusCode, http.StatusText(res.StatusCode))}
	if ad.signed && res.StatusCode == http.StatusForbidden && ad.roleARN != nil && ad.roleARN() != "" {
		f.Summary += " to role " + ad.roleARN()
	}
	if to := res.Header.Get("Location"); to != "" {
		f.Summary += " to " + clip(oneLine(to))
	}
	if typ != "" {
		f.Summary += ": " + typ + ": " + reason // the body says it twice, in JSON
	} else {
		f.Summary += bodySuffix(body)
	}
	f.Remedy = ad.remedy(r.kind, reason+" "+quote(body))
	// A server that fails, and a proxy that waits for one in vain, do not tell how far the request had come.
	f.Ambiguous = res.StatusCode >= 500 || res.StatusCode == http.StatusRequestTimeout
	return f
}

// badAnswer is a 2xx that does not say what became of each item.
func (ad advice) badAnswer(res *http.Response, what string, err error) *Failure {
	return &Failure{Kind: BadAnswer, Status: res.StatusCode, Verdict: Retry, Ambiguous: true, Err: err,
		Summary: fmt.Sprintf("%s answered %d, but %s", ad.endpoint, res.StatusCode, what),
		Remedy:  ad.remedy(BadAnswer, "")}
}

// requestError gives type and reason of an OpenSearch error, or the message of AWS's front door as the reason.
func requestError(body []byte) (typ, reason string) {
	var e struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"` // encoding/json takes AWS's "Message" too
	}
	if json.Unmarshal(body, &e) != nil {
		return "", ""
	}
	if e.Error == nil {
		return "", clip(oneLine(e.Message))
	}
	return decodeError(e.Error)
}

// transportError is the Failure of a request that got no answer.
func (ad advice) transportError(ctx context.Context, a *attempt, src *source, err error) *Failure {
	if a.signErr != nil {
		return ad.unsigned(a.signErr)
	}
	f := &Failure{Kind: networkKind(ctx, err), Verdict: Retry, Ambiguous: src.complete(), Err: err}
	if f.Kind == Timeout {
		f.Effect = Overload
	}
	f.Summary = fmt.Sprintf("no answer from %s: %s", ad.endpoint, clip(oneLine(err.Error())))
	f.Remedy = ad.remedy(f.Kind, err.Error())
	return f
}

// unsigned is a request that never left, since no credentials were to be had.
func (ad advice) unsigned(err error) *Failure {
	f := &Failure{Kind: Credentials, Verdict: Retry, Err: err, Summary: "cannot sign: " + clip(oneLine(err.Error())), Remedy: ad.remedy(Credentials, "")}
	var told interface {
		Explain() (summary, remedy string)
	}
	if errors.As(err, &told) {
		summary, remedy := told.Explain()
		f.Summary, f.Remedy = clip(oneLine(summary)), remedy
	}
	return f
}

// networkKind tells the errors below HTTP apart.
func networkKind(ctx context.Context, err error) Kind {
	var (
		dns       *net.DNSError
		authority x509.UnknownAuthorityError
		host      x509.HostnameError
		invalid   x509.CertificateInvalidError
		verify    *tls.CertificateVerificationError
		alert     tls.AlertError
		record    tls.RecordHeaderError
		timeout   net.Error
		op        *net.OpError
	)
	is := func(target error) bool { return errors.Is(err, target) }
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded): // err may be the context's cause
		return Timeout
	case ctx.Err() != nil:
		return Canceled
	case errors.As(err, &authority):
		return TLSUnknownCA
	case errors.As(err, &host):
		return TLSName
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return TLSExpired
	case errors.As(err, &op) && (op.Op == "remote error" || op.Op == "local error"): // how crypto/tls gives alerts: a version, a missing certificate
		return TLSFailed
	case errors.As(err, &invalid), errors.As(err, &verify), errors.As(err, &alert), errors.As(err, &record),
		strings.Contains(err.Error(), "server gave HTTP response to HTTPS client"):
		return TLSFailed
	case strings.Contains(err.Error(), "malformed HTTP response"):
		return WrongEndpoint
	case errors.As(err, &dns) && !dns.IsTimeout:
		return DNS
	case errors.As(err, &timeout) && timeout.Timeout():
		return Timeout
	case is(syscall.ECONNREFUSED):
		return ConnectRefused
	case is(syscall.EHOSTUNREACH), is(syscall.ENETUNREACH):
		return Unreachable
	case is(syscall.ECONNRESET), is(syscall.EPIPE), is(io.EOF), is(io.ErrUnexpectedEOF), is(net.ErrClosed):
		return Reset
	case errors.As(err, &op) && op.Op == "dial":
		return Unreachable
	case strings.Contains(err.Error(), "server closed idle connection"), strings.Contains(err.Error(), "connection broken"):
		return Reset
	}
	return Unknown
}
