package replay

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// domain stores documents as OpenSearch's bulk, mget and scroll do, as far as a replay can tell.
type domain struct {
	t   *testing.T
	url string

	mu       sync.Mutex
	stored   map[string]string // index/id → document
	made     int               // ids made
	requests int
	scrolls  map[string][]string // keys still to come
	// refuse gives an item's status and error type, or 0.
	refuse func(op, index, id, document string) (int, string)
	// fail gives a whole request's status and answer, or 0.
	fail func(n int, r *http.Request, body string) (int, string)
}

func newDomain(t *testing.T) *domain {
	d := &domain{t: t, stored: map[string]string{}, scrolls: map[string][]string{}}
	server := httptest.NewServer(d)
	t.Cleanup(server.Close)
	d.url = server.URL
	return d
}

func (d *domain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text, _ := io.ReadAll(r.Body)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.requests++
	if d.fail != nil {
		if status, answer := d.fail(d.requests, r, string(text)); status != 0 {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, answer)
			return
		}
	}
	index, api, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	var answer any
	switch {
	case api == "_bulk" || index == "_bulk":
		answer = d.bulk(index, string(text))
	case api == "_mget":
		answer = d.mget(index, text)
	case api == "_search":
		var ids []string
		for key := range d.stored {
			if strings.HasPrefix(key, index+"/") {
				ids = append(ids, key)
			}
		}
		var query struct{ Size int }
		_ = json.Unmarshal(text, &query)
		id := fmt.Sprint(len(d.scrolls), " ", query.Size)
		d.scrolls[id] = ids
		answer = d.page(id)
	case r.URL.Path == "/_search/scroll" && r.Method == http.MethodPost:
		var given struct {
			ID string `json:"scroll_id"`
		}
		_ = json.Unmarshal(text, &given)
		answer = d.page(given.ID)
	}
	if err := json.NewEncoder(w).Encode(answer); err != nil {
		d.t.Error(err)
	}
}

func (d *domain) page(id string) any {
	var n, size int
	_, _ = fmt.Sscan(id, &n, &size)
	keys := d.scrolls[id]
	total := len(keys)
	keys = keys[:min(size, len(keys))]
	d.scrolls[id] = d.scrolls[id][len(keys):]
	hits := []map[string]any{}
	for _, key := range keys {
		index, doc, _ := strings.Cut(key, "/")
		hits = append(hits, map[string]any{"_index": index, "_id": doc,
			"_source": json.RawMessage(d.stored[key])})
	}
	return map[string]any{"_scroll_id": id,
		"hits": map[string]any{"total": map[string]any{"value": total}, "hits": hits}}
}

func (d *domain) mget(index string, text []byte) any {
	var given struct {
		Docs []struct {
			ID string `json:"_id"`
		}
	}
	_ = json.Unmarshal(text, &given)
	var docs []any
	for _, doc := range given.Docs {
		found := map[string]any{"_id": doc.ID, "found": false}
		if source, ok := d.stored[index+"/"+doc.ID]; ok {
			found["found"], found["_source"] = true, json.RawMessage(source)
		}
		docs = append(docs, found)
	}
	return map[string]any{"docs": docs}
}

func (d *domain) bulk(index, text string) any {
	var items []any
	failed := false
	lines := strings.SplitAfter(text, "\n")
	for n := 0; n < len(lines) && lines[n] != ""; n++ {
		var action map[string]struct {
			Index string `json:"_index"`
			ID    string `json:"_id"`
		}
		if err := json.Unmarshal([]byte(lines[n]), &action); err != nil {
			d.t.Errorf("action line %q: %v", lines[n], err)
		}
		for op, at := range action {
			if at.Index == "" {
				at.Index = index
			}
			document := ""
			if op != "delete" {
				n++
				document = strings.TrimSuffix(lines[n], "\n")
			}
			status, typ := d.item(op, at.Index, at.ID, document)
			item := map[string]any{"status": status}
			if typ != "" {
				failed = true
				item["error"] = map[string]string{"type": typ, "reason": "the reason of " + typ}
			}
			items = append(items, map[string]any{op: item})
		}
	}
	return map[string]any{"errors": failed, "items": items}
}

func (d *domain) item(op, index, id, document string) (status int, typ string) {
	if d.refuse != nil {
		if status, typ := d.refuse(op, index, id, document); status != 0 {
			return status, typ
		}
	}
	if id == "" {
		d.made++
		id = fmt.Sprint("made", d.made)
	}
	key := index + "/" + id
	_, is := d.stored[key]
	switch {
	case op == "delete" && !is:
		return 404, ""
	case op == "delete":
		delete(d.stored, key)
		return 200, ""
	case op == "create" && is:
		return 409, "version_conflict_engine_exception"
	}
	d.stored[key] = document
	return 201, ""
}

// in is how many documents an index holds.
func (d *domain) in(index string) (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key := range d.stored {
		if strings.HasPrefix(key, index+"/") {
			n++
		}
	}
	return n
}
