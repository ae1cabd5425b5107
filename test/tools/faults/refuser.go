package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
)

// refuser stands between the front door and OpenSearch. While the domain's fault is one of items,
// it keeps a share of each bulk request's items to itself and says for them what a full queue says;
// OpenSearch never sees them.
type refuser struct {
	domain *domain
	next   http.Handler
}

// refusal is how OpenSearch answers for an item that a full queue did not take.
const refusal = `{"create":{"status":429,"error":{"type":"rejected_execution_exception",` +
	`"reason":"rejected execution of coordinating operation [coordinating_and_primary_bytes=0, max_coordinating_and_primary_bytes=1]"}}}`

// ServeHTTP takes one request from the front door.
func (f *refuser) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	fault := f.domain.fault.Load()
	if fault == nil || fault.items == 0 || !strings.HasSuffix(r.URL.Path, "/_bulk") {
		f.next.ServeHTTP(w, r)
		return
	}
	items, err := readItems(r)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	refused := make([]bool, len(items))
	var body []byte
	count := 0
	for i, item := range items {
		if refused[i] = rand.Float64() < fault.items; refused[i] {
			count++
		} else {
			body = append(body, item...)
		}
	}
	f.domain.fire(count)
	a := &answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/json"}}}
	if count < len(items) {
		r.Header.Del("Content-Encoding")
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		a = &answer{header: http.Header{}}
		f.next.ServeHTTP(a, r)
	}
	if a.status == http.StatusOK {
		err = addRefusals(&a.body, refused)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	a.writeTo(w)
}

// readItems splits a bulk body into its items: an action line and a document line each.
func readItems(r *http.Request) ([][]byte, error) {
	body := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(body)
		if err != nil {
			return nil, fmt.Errorf("cannot unzip a bulk request: %w", err)
		}
		body = unzipped
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, fmt.Errorf("cannot read a bulk request: %w", err)
	}
	lines := bytes.SplitAfter(text, []byte("\n"))
	if len(lines)%2 != 1 || len(lines[len(lines)-1]) != 0 {
		return nil, fmt.Errorf("cannot read a bulk request: %d lines are no pairs", len(lines)-1)
	}
	var items [][]byte
	for n := 0; n+1 < len(lines); n += 2 {
		items = append(items, append(bytes.Clone(lines[n]), lines[n+1]...))
	}
	return items, nil
}

// addRefusals puts the refused items into the answer at their places.
func addRefusals(body *bytes.Buffer, refused []bool) error {
	var said struct {
		Errors bool              `json:"errors"`
		Items  []json.RawMessage `json:"items"`
	}
	if body.Len() > 0 {
		if err := json.Unmarshal(body.Bytes(), &said); err != nil {
			return fmt.Errorf("cannot read OpenSearch's answer: %w", err)
		}
	}
	all := make([]json.RawMessage, len(refused))
	for i, no := range refused {
		switch {
		case no:
			all[i], said.Errors = json.RawMessage(refusal), true
		case len(said.Items) == 0:
			return fmt.Errorf("OpenSearch's answer has too few items for %d", len(refused))
		default:
			all[i], said.Items = said.Items[0], said.Items[1:]
		}
	}
	said.Items = all
	text, err := json.Marshal(said)
	if err != nil {
		return fmt.Errorf("cannot write an answer: %w", err)
	}
	body.Reset()
	body.Write(text)
	return nil
}
