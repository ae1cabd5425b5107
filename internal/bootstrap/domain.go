package bootstrap

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"out_opensearch_irsa/internal/opensearch"
)

// doFunc sends one signed request; *opensearch.Client's DoWith is one.
type doFunc func(ctx context.Context, method, path, query string, header http.Header,
	body []byte) opensearch.Response

// outcome is what became of one step.
type outcome struct {
	did  string // created, changed, unchanged, skipped; with -dry-run: would be created, would be changed
	note string // what a person should know about it
	err  error  // it failed
}

// domain is the server that is set up.
type domain struct {
	ask    doFunc
	dryRun bool
	out    io.Writer
	errOut io.Writer // for how far it is
	failed int
}

func (d *domain) ok() bool { return d.failed == 0 }

// report prints a step's line.
func (d *domain) report(step string, o outcome) {
	if o.err != nil {
		d.failed++
		_, _ = fmt.Fprintf(d.out, "%-36s failed: %v\n", step, o.err)
		return
	}
	line := o.did
	if o.note != "" {
		line += ": " + o.note
	}
	_, _ = fmt.Fprintf(d.out, "%-36s %s\n", step, line)
}

// json sends a request with a JSON body (nil for none) and decodes the answer. A status that is no
// success is an error but for 404, which gives nil.
func (d *domain) json(ctx context.Context, method, path, query string, body any) (object, error) {
	return askJSON(ctx, d.ask, method, path, query, http.Header{}, body)
}

func askJSON(ctx context.Context, ask doFunc, method, path, query string, header http.Header,
	body any) (object, error) {
	var text []byte
	if body != nil {
		var err error
		if text, err = json.Marshal(body); err != nil {
			return nil, fmt.Errorf("cannot encode the request to %s: %w", path, err)
		}
		header.Set("Content-Type", "application/json")
	}
	a := ask(ctx, method, path, query, header, text)
	if a.Status == http.StatusNotFound {
		return nil, nil
	}
	if a.Failure != nil {
		return nil, explain(a)
	}
	var o object
	if err := json.Unmarshal(a.Body, &o); err != nil {
		return nil, fmt.Errorf("cannot read the answer to %s %s: %w", method, path, err)
	}
	return o, nil
}

// noHandlerError is the answer of a server without the plugin that a path belongs to.
type noHandlerError struct{ path string }

func (e *noHandlerError) Error() string { return "the server does not know " + e.path }

// explain is a failure with what to do about it here: the plugin's own remedies are about delivery.
func explain(a opensearch.Response) error {
	f := a.Failure
	_, uri, missing := strings.Cut(string(a.Body), "no handler found for uri [")
	path, _, _ := strings.Cut(uri, "]")
	switch {
	case missing:
		return &noHandlerError{path}
	case f.Kind == opensearch.RoleNotMapped || a.Status == http.StatusForbidden && strings.Contains(string(a.Body), "No permission to access REST API"):
		return fmt.Errorf("%s: run this as the domain's master user (an IAM role or a user of "+
			"the domain): nobody else may do it", f.Summary)
	case f.Kind == opensearch.NoIdentityPolicy || f.Kind == opensearch.AccessPolicy:
		return fmt.Errorf("%s: whoever runs this needs es:ESHttpGet, es:ESHttpPut and "+
			"es:ESHttpPost on the domain's ARN followed by /*, in its own policy and in the "+
			"domain's access policy; "+
			"for a Serverless collection aoss:APIAccessAll on its ARN", f.Summary)
	case f.Kind == opensearch.DataAccessPolicy:
		return fmt.Errorf("%s: whoever runs this needs aoss:CreateCollectionItems, "+
			"aoss:DescribeCollectionItems and aoss:UpdateCollectionItems in a data access policy "+
			"of the collection, as deploy/iam/serverless-data-access.json has them", f.Summary)
	}
	// Other remedies hold here too, but for those that speak of the plugin's requests.
	if f.Kind == opensearch.Malformed || f.Kind == opensearch.WrongEndpoint {
		return fmt.Errorf("%s", f.Summary)
	}
	return f
}

// checkServer finds out whether the server is one that this can set up.
func (d *domain) checkServer(ctx context.Context, endpoint string) error {
	o, err := d.json(ctx, http.MethodGet, "/", "", nil)
	if err != nil {
		return err
	}
	version, _ := o["version"].(object)
	// In compatibility mode a domain says that it is version 7.10.2, without a distribution; the
	// tagline is its own all the same.
	tagline, _ := o["tagline"].(string)
	if version["distribution"] != "opensearch" && !strings.Contains(tagline, "OpenSearch") {
		return fmt.Errorf("cannot bootstrap %s: it does not say that it is OpenSearch; this "+
			"needs OpenSearch 1.3 or later, and Endpoint must be the domain's own address", endpoint)
	}
	_, _ = fmt.Fprintf(d.out, "%s is OpenSearch %v\n", endpoint, version["number"])
	return nil
}

// resource is an object that is read and put at one path.
type resource struct {
	path  string
	want  object
	in    func(answer object) (have object, query string) // where the answer to GET has it, and what PUT needs to replace it
	added map[string]bool                                 // fields that the server adds
	note  string                                          // said when it was put
}

// put makes the server have the resource.
func (d *domain) put(ctx context.Context, t resource) outcome {
	answer, err := d.json(ctx, http.MethodGet, t.path, "", nil)
	if err != nil {
		return outcome{err: err}
	}
	did, query := "created", ""
	if answer != nil {
		have, replace := t.in(answer)
		if same(have, t.want, t.added) {
			return outcome{did: "unchanged"}
		}
		if have != nil {
			did, query = "changed", replace
		}
	}
	if d.dryRun {
		return outcome{did: "would be " + did}
	}
	written, err := d.json(ctx, http.MethodPut, t.path, query, t.want)
	if err == nil && written == nil {
		err = fmt.Errorf("the server answered 404 to PUT %s", t.path)
	}
	return outcome{did: did, note: t.note, err: err}
}
