package opensearch

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"reflect"
)

// A DocumentRef names a document of an index.
type DocumentRef struct {
	ID      string `json:"_id"`
	Routing string `json:"routing,omitempty"`
}

// Stored gets the documents of an index that refs name: nil for each that is not there.
func (c *Client) Stored(ctx context.Context, index string, refs []DocumentRef) ([]json.RawMessage, *Failure) {
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
			Source json.RawMessage `json:"_source"`
		} `json:"docs"`
	}
	found := make([]json.RawMessage, len(refs))
	if json.Unmarshal(res.Body, &answer) == nil {
		for n := range min(len(found), len(answer.Docs)) {
			found[n] = answer.Docs[n].Source
		}
	}
	return found, nil
}

// SameDocument tells whether what is stored is our document: each of our members, and perhaps others
// that an ingest pipeline added.
func SameDocument(ours, stored []byte) bool {
	var a, b map[string]any
	if decodeNumbers(ours, &a) != nil || decodeNumbers(stored, &b) != nil {
		return false
	}
	for key, value := range a {
		if other, ok := b[key]; !ok || !reflect.DeepEqual(value, other) {
			return false
		}
	}
	return true
}

func decodeNumbers(text []byte, into *map[string]any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(into)
}
