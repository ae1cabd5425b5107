package opensearch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
)

// A DocumentRef names a document of an index.
type DocumentRef struct {
	ID      string `json:"_id"`
	Routing string `json:"routing,omitempty"`
}

// Stored gets the documents of an index that refs name: nil for each that is not there, or cannot
// be read, such as one behind an alias of several indices. An answer that does not tell of each of
// them is a failure: it may be a proxy's.
func (c *Client) Stored(ctx context.Context, index string, refs []DocumentRef) ([]json.RawMessage,
	*Failure) {
	body, err := json.Marshal(map[string]any{"docs": refs})
	if err != nil {
		panic(err) // strings can always be encoded
	}
	res := c.Do(ctx, http.MethodPost, "/"+url.PathEscape(index)+"/_mget", "", body)
	if res.Failure != nil {
		return nil, res.Failure
	}
	var answer struct {
		Docs []struct {
			Found  *bool           `json:"found"`
			Error  json.RawMessage `json:"error"`
			Source json.RawMessage `json:"_source"`
		} `json:"docs"`
	}
	err = json.Unmarshal(res.Body, &answer)
	if err == nil && len(answer.Docs) != len(refs) {
		err = fmt.Errorf("its answer has %d documents, and %d were asked for", len(answer.Docs),
			len(refs))
	}
	found := make([]json.RawMessage, len(refs))
	for n := range answer.Docs {
		if err != nil {
			break
		}
		if d := &answer.Docs[n]; d.Found == nil && d.Error == nil {
			err = errors.New("its answer does not tell whether there is the document")
		} else {
			found[n] = d.Source
		}
	}
	if err != nil {
		return nil, &Failure{Kind: BadAnswer, Status: res.Status, Verdict: Retry, Err: err,
			Summary: fmt.Sprintf("%s answered %d, but %s", c.advice.endpoint, res.Status, err),
			Remedy:  c.advice.remedy(BadAnswer, "")}
	}
	return found, nil
}

// SameDocument tells whether what is stored is our document. pipeline says that an ingest pipeline
// may have added members to it.
func SameDocument(ours, stored []byte, pipeline bool) bool {
	var a, b map[string]any
	if decodeNumbers(ours, &a) != nil || decodeNumbers(stored, &b) != nil {
		return false
	}
	if pipeline {
		for key := range b {
			if _, ok := a[key]; !ok {
				delete(b, key)
			}
		}
	}
	return reflect.DeepEqual(a, b)
}

func decodeNumbers(text []byte, into *map[string]any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}
