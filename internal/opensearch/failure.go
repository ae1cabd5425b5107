package opensearch

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"out_opensearch_irsa/internal/neterror"
	"out_opensearch_irsa/internal/quote"
)

// refused is the Failure of an answer other than 2xx.
func (ad advice) refused(res *http.Response, body []byte) *Failure {
	typ, reason := requestError(body)
	text := strings.ToLower(reason + "\n" + string(body[:min(len(body), 8*quote.Max)]))
	r := rowFor(fact{level: request, status: res.StatusCode, typ: typ, text: text})
	f := &Failure{Kind: r.kind, Status: res.StatusCode, Verdict: r.verdict, Effect: r.effect,
		Summary: fmt.Sprintf("%s answered %d %s", ad.endpoint, res.StatusCode,
			http.StatusText(res.StatusCode))}
	if ad.signed && res.StatusCode == http.StatusForbidden && ad.roleARN != nil &&
		ad.roleARN() != "" {
		f.Summary += " to role " + ad.roleARN()
	}
	if to := res.Header.Get("Location"); to != "" {
		f.Summary += " to " + quote.Body([]byte(to))
	}
	if typ != "" {
		f.Summary += ": " + typ + ": " + quote.Body([]byte(reason)) // the body says it twice, in JSON
	} else {
		f.Summary += bodySuffix(body)
	}
	f.Remedy = ad.remedy(r.kind, reason+" "+quote.Body(body))
	// A server that fails, and a proxy that waits for one in vain, do not tell how far the request
	// had come.
	f.Ambiguous = res.StatusCode >= 500 || res.StatusCode == http.StatusRequestTimeout
	return f
}

// badAnswer is a 2xx that does not say what became of each item.
func (ad advice) badAnswer(res *http.Response, what string, err error) *Failure {
	return &Failure{Kind: BadAnswer, Status: res.StatusCode, Verdict: Retry, Ambiguous: true,
		Err:     err,
		Summary: fmt.Sprintf("%s answered %d, but %s", ad.endpoint, res.StatusCode, what),
		Remedy:  ad.remedy(BadAnswer, "")}
}

// requestError gives type and reason of an OpenSearch error, or the message of AWS's front door as
// the reason.
func requestError(body []byte) (typ, reason string) {
	var e struct {
		Error   json.RawMessage `json:"error"`
		Message string          `json:"message"` // encoding/json takes AWS's "Message" too
	}
	if json.Unmarshal(body, &e) != nil {
		return "", ""
	}
	if e.Error == nil {
		return "", quote.Line(e.Message)
	}
	return decodeError(e.Error)
}

// transportError is the Failure of a request that got no answer.
func (ad advice) transportError(ctx context.Context, a *attempt, src *source, err error) *Failure {
	if a.signErr != nil {
		return ad.unsigned(a.signErr)
	}
	f := &Failure{Kind: NetworkKind(ctx, err), Verdict: Retry, Ambiguous: src.complete(), Err: err}
	if f.Kind == Timeout {
		f.Effect = Overload
	}
	f.Summary = fmt.Sprintf("no answer from %s: %s", ad.endpoint, quote.Line(err.Error()))
	f.Remedy = ad.remedy(f.Kind, err.Error())
	return f
}

// unsigned is a request that never left, since no credentials were to be had.
func (ad advice) unsigned(err error) *Failure {
	f := &Failure{Kind: Credentials, Verdict: Retry, Err: err, Summary: "cannot sign: " +
		quote.Line(err.Error()),
		Remedy: ad.remedy(Credentials, "")}
	var told interface {
		Explain() (summary, remedy string)
	}
	if errors.As(err, &told) {
		summary, remedy := told.Explain()
		f.Summary, f.Remedy = quote.Line(summary), remedy
	}
	return f
}

// networkKinds are the causes of requests that got no answer.
var networkKinds = map[neterror.Kind]Kind{
	neterror.Unknown: Unknown, neterror.Canceled: Canceled, neterror.Timeout: Timeout,
	neterror.DNS:            DNS,
	neterror.ConnectRefused: ConnectRefused, neterror.Unreachable: Unreachable,
	neterror.Reset:   Reset,
	neterror.NotHTTP: WrongEndpoint, neterror.TLSUnknownCA: TLSUnknownCA, neterror.TLSName: TLSName,
	neterror.TLSExpired: TLSExpired, neterror.TLSUntrusted: TLSFailed,
	neterror.TLSHandshake: TLSFailed,
}

// NetworkKind is the cause of a request that got no answer.
func NetworkKind(ctx context.Context, err error) Kind {
	return networkKinds[neterror.Classify(ctx, err)]
}

// bodySuffix is the quote as the end of a sentence; "" for nothing.
func bodySuffix(body []byte) string {
	if q := quote.Body(body); q != "" {
		return ": " + q
	}
	return ""
}
