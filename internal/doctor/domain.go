package doctor

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"slices"
	"time"

	"out_opensearch_irsa/internal/connect"
	"out_opensearch_irsa/internal/opensearch"
)

// clockReading compares the domain's clock with this one.
type clockReading struct {
	known     bool
	by        time.Duration // the domain's minus ours
	refused   bool          // the first signature was refused for it
	corrected bool          // and the second one was not
}

// The failures of a request by the link that they belong to. Those of none are answers in
// themselves.
var (
	signatureKinds = []opensearch.Kind{opensearch.ExpiredToken, opensearch.InvalidToken,
		opensearch.ClockSkew, opensearch.WrongRegion,
		opensearch.SignatureMismatch, opensearch.NotSigned, opensearch.Unauthorized}
	accessKinds = []opensearch.Kind{opensearch.NoIdentityPolicy, opensearch.AccessPolicy,
		opensearch.DataAccessPolicy, opensearch.Forbidden}
	roleKinds = []opensearch.Kind{opensearch.RoleNotMapped}
)

// bulk sends one action, as the plugin sends its bulk requests. document is nil for an action
// without one.
func (e *examination) bulk(ctx context.Context, operation string, target map[string]any,
	document []byte) opensearch.Result {
	action, err := json.Marshal(map[string]any{operation: target})
	if err != nil {
		panic(err) // strings and numbers can always be encoded
	}
	body := append(action, '\n')
	if document != nil {
		body = append(append(body, document...), '\n')
	}
	return e.client.Bulk(ctx, &opensearch.Request{Body: body, Items: 1})
}

// item is what the server said of the one item of a request that did not fail.
func item(r opensearch.Result) opensearch.Item {
	if len(r.Items) == 1 {
		return r.Items[0]
	}
	return opensearch.Item{Verdict: opensearch.Delivered, Status: r.Status}
}

// nobody is the id of a document that does not exist.
func nobody() string { return "opensearch-irsa-doctor-" + rand.Text() }

// checkAnswer asks the first question. Whatever the answer says, there is one if OpenSearch, or the
// front door before it, speaks.
func (e *examination) checkAnswer(ctx context.Context) outcome {
	var err error
	if e.client, err = connect.DialAs(e.cfg, e.signer); err != nil {
		return explained(err)
	}
	ask := func() {
		began := time.Now()
		e.first = e.exists(ctx, e.example())
		if !e.first.Date.IsZero() {
			e.behind.known = true
			e.behind.by = e.first.Date.Sub(began.Add(time.Since(began) / 2)).Round(time.Second)
		}
	}
	ask()
	if f := e.first.Failure; f != nil && f.Kind == opensearch.ClockSkew && !e.first.Date.IsZero() &&
		e.signer != nil {
		e.behind.refused = true
		e.signer.Observe(e.first.Date) // as the plugin does
		ask()
		e.behind.corrected = e.first.Failure == nil || e.first.Failure.Kind != opensearch.ClockSkew
	}
	if f := e.first.Failure; f != nil &&
		!slices.Contains(slices.Concat(signatureKinds, accessKinds, roleKinds), f.Kind) {
		return failed(f)
	}
	return fine("%s answers %d in %s", e.cfg.Endpoint.Host, e.first.Status,
		milliseconds(e.first.Took))
}

// checkSignature tells whether the front door takes the signature, or OpenSearch the user.
func (e *examination) checkSignature(context.Context) outcome {
	if f := e.first.Failure; f != nil && slices.Contains(signatureKinds, f.Kind) {
		return failed(f)
	}
	switch {
	case e.signer == nil && e.cfg.HTTPUser != "":
		return fine("user %s is let in", e.cfg.HTTPUser)
	case e.signer == nil:
		return fine("requests without a signature and a user are let in")
	}
	return fine("accepted")
}

const (
	// badSkew is how far AWS lets clocks differ; oddSkew is what no node with a time service has.
	badSkew, oddSkew = 5 * time.Minute, 30 * time.Second
)

// checkClock compares the domain's Date with this node's clock.
func (e *examination) checkClock(context.Context) outcome {
	const remedy = "set the node's clock: its time synchronisation (chrony) seems not to run"
	if !e.behind.known {
		return needless("the answer has no Date")
	}
	by, side := e.behind.by, "behind"
	if by < 0 {
		by, side = -by, "ahead of"
	}
	switch {
	case e.behind.corrected:
		o := broken(remedy+"; until then the plugin signs by the domain's clock, and log lines "+
			"have wrong times", "this node's clock is %s %s the domain's, and a signature was "+
			"refused for it", age(by), side)
		o.passable = true
		return o
	case by >= badSkew || e.behind.refused:
		return broken(remedy, "this node's clock is %s %s the domain's", age(by), side)
	case by >= oddSkew:
		return suspect(remedy, "this node's clock is %s %s the domain's", age(by), side)
	case by <= time.Second:
		return fine("as the domain's")
	}
	return fine("%s %s the domain's", age(by), side)
}

// checkAccess tells whether IAM lets the role in: its own policies, and the domain's access policy.
func (e *examination) checkAccess(context.Context) outcome {
	f := e.first.Failure
	switch {
	case f != nil && slices.Contains(accessKinds, f.Kind):
		return failed(f)
	case e.signer == nil:
		return needless("AWS_Auth is Off")
	case e.serverless():
		return fine("the role reaches the collection")
	}
	return fine("the role may send es:ESHttpPost to _bulk")
}

// checkSecurityRole tells whether the security plugin lets it send bulk requests at all.
func (e *examination) checkSecurityRole(context.Context) outcome {
	if f := e.first.Failure; f != nil {
		return failed(f)
	}
	if e.serverless() {
		return needless("a collection has data access policies instead")
	}
	return fine("bulk requests are allowed")
}

func (e *examination) serverless() bool { return e.cfg.AWSAuth && e.cfg.AWSService == "aoss" }
