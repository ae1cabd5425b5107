package bootstrap

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"mime/multipart"
	"net/http"
	"strings"
)

// dashboards is the user interface that shows the logs.
type dashboards struct {
	ask    doFunc
	url    string
	dryRun bool
}

// byHand is what to do where its API cannot be had: with SAML or Cognito in front of it, for
// instance, it takes no signature.
const byHand = "import deploy/opensearch/dashboards.ndjson in Dashboards (Management, Saved " +
	"objects, Import), and run this with -no-dashboards; " +
	"if Dashboards has an address of its own, give it with -dashboards"

// header is what its API wants. Its objects go to the tenant that everybody sees.
func header() http.Header {
	return http.Header{"Osd-Xsrf": {"true"}, "Securitytenant": {"global"}}
}

// put makes it have the objects, which are JSON lines.
func (b *dashboards) put(ctx context.Context, lines []byte) outcome {
	there, differ, total, err := b.compare(ctx, lines)
	switch {
	case err != nil:
		return outcome{err: fmt.Errorf("%w: %s", err, byHand)}
	case differ == 0:
		return outcome{did: "unchanged"}
	}
	did := "changed"
	if there == 0 {
		did = "created"
	}
	note := fmt.Sprintf("%d of %d", differ, total)
	if b.dryRun {
		return outcome{did: "would be " + did, note: note}
	}
	if err := b.send(ctx, lines); err != nil {
		return outcome{err: err}
	}
	return outcome{did: did, note: note}
}

// compare counts the objects that are there, and those that are not as they should be.
func (b *dashboards) compare(ctx context.Context, lines []byte) (there, differ, total int,
	err error) {
	var want []object
	var names []object
	for line := range bytes.Lines(lines) {
		var o object
		if err := json.Unmarshal(line, &o); err != nil {
			return 0, 0, 0, fmt.Errorf("cannot read a shipped saved object: %w", err)
		}
		want = append(want, o)
		names = append(names, object{"type": o["type"], "id": o["id"]})
	}
	answer, err := askJSON(ctx, b.ask, http.MethodPost, "/api/saved_objects/_bulk_get", "",
		header(), names)
	if err == nil && answer == nil {
		err = fmt.Errorf("%s answered 404", b.url)
	}
	if err != nil {
		return 0, 0, 0, err
	}
	have, _ := answer["saved_objects"].([]any)
	if len(have) != len(want) {
		return 0, 0, 0, fmt.Errorf("%s answered with %d saved objects to a question about %d",
			b.url, len(have), len(want))
	}
	for i, o := range want {
		h, _ := have[i].(object)
		if h["error"] == nil {
			there++
		}
		// Dashboards keeps the fields that it found in an index pattern.
		fields := map[string]bool{"fields": true}
		if h["error"] != nil || !same(h["attributes"], o["attributes"], fields) ||
			!same(h["references"], o["references"], nil) {
			differ++
		}
	}
	return there, differ, len(want), nil
}

// send imports the objects.
func (b *dashboards) send(ctx context.Context, lines []byte) error {
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	part, err := form.CreateFormFile("file", "dashboards.ndjson")
	if err == nil {
		_, err = part.Write(lines)
	}
	if err == nil {
		err = form.Close()
	}
	if err != nil {
		return fmt.Errorf("cannot encode the saved objects: %w", err)
	}
	h := header()
	h.Set("Content-Type", form.FormDataContentType())
	a := b.ask(ctx, http.MethodPost, "/api/saved_objects/_import", "overwrite=true", h,
		body.Bytes())
	if a.Failure != nil {
		return fmt.Errorf("%w: %s", explain(a), byHand)
	}
	var answer struct {
		Success bool
		Errors  []struct {
			ID, Type string
			Error    struct{ Type, Message string }
		}
	}
	if err := json.Unmarshal(a.Body, &answer); err != nil {
		return fmt.Errorf("cannot read the answer of %s to the import: %w", b.url, err)
	}
	if !answer.Success {
		var each []string
		for _, e := range answer.Errors {
			each = append(each, strings.TrimSpace(e.Type+" "+e.ID+": "+e.Error.Type+" "+e.Error.Message))
		}
		return fmt.Errorf("%s did not take %d of the saved objects: %s", b.url, len(answer.Errors),
			strings.Join(each, "; "))
	}
	return nil
}
