package doctor

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"out_opensearch_irsa/internal/indexname"
	"out_opensearch_irsa/internal/opensearch"
)

const (
	// canaryText is what a canary logs: it has the fields that every record has, so that it adds
	// nothing to a mapping.
	canaryText = "opensearch-irsa-doctor canary"
	// canaryPatience is longer than the refresh_interval that index templates for logs have.
	canaryPatience = 45 * time.Second
	canaryPause    = 250 * time.Millisecond
)

// checkCanary stores a document, finds it and deletes it.
func (e *examination) checkCanary(ctx context.Context) outcome {
	if !e.write {
		return needless("--write stores one document, finds it and deletes it")
	}
	template := e.target
	if template.HasFields() { // as for a record that lacks them
		var err error
		if template, err = indexname.Compile(e.cfg.FallbackIndex); err != nil {
			return explained(err)
		}
	}
	now := time.Now()
	index, id := template.Example(now.Unix(), filler), nobody()
	if !e.keep {
		if why := e.cannotDelete(ctx, index); why != "" {
			return needless("nothing was stored: %s, so that the document would stay; --keep "+
				"stores it all the same", why)
		}
	}
	body, err := json.Marshal(map[string]any{e.cfg.TimeKey: now.UTC().Format("2006-01-02T15:04:05.000Z"), "log": canaryText})
	if err != nil {
		panic(err) // strings can always be encoded
	}
	r := e.bulk(ctx, "create", map[string]any{"_index": index, "_id": id}, body)
	if r.Failure == nil && item(r).Kind == opensearch.DocumentID {
		if !e.keep {
			return needless("nothing was stored: a collection of time series deletes no " +
				"document; --keep stores one all the same")
		}
		id = "" // a collection of time series makes its own
		r = e.bulk(ctx, "create", map[string]any{"_index": index}, body)
	}
	if r.Failure != nil {
		return failed(r.Failure)
	}
	if it := item(r); it.Verdict != opensearch.Delivered {
		return e.refused(it, index, e.cfg.IndexFrom)
	}
	stored := fmt.Sprintf("stored in %s in %s", index, milliseconds(r.Took))
	found, searched := e.find(ctx, index, id, now)
	o := fine("%s, %s, %s", stored, found, e.remove(ctx, index, id))
	if !searched {
		o = broken("look at the index's refresh_interval, and at the cluster's load", "%s",
			o.summary)
	}
	return o
}

// cannotDelete says why a canary cannot be deleted again, "" if it can: deleting what does not
// exist needs the same permission.
func (e *examination) cannotDelete(ctx context.Context, index string) string {
	r := e.bulk(ctx, "delete", map[string]any{"_index": index, "_id": nobody()}, nil)
	if r.Failure == nil {
		if m := lacking.FindStringSubmatch(item(r).Reason); m != nil {
			return "the security role lacks " + m[1]
		}
	}
	return ""
}

// find waits until the canary can be found, and says how long that took. ok is false if it could be
// looked for and was not there.
func (e *examination) find(ctx context.Context, index, id string, since time.Time) (what string,
	ok bool) {
	wanted := map[string]any{"ids": map[string]any{"values": []string{id}}}
	if id == "" {
		wanted = map[string]any{"bool": map[string]any{"filter": []any{
			map[string]any{"match_phrase": map[string]any{"log": canaryText}},
			map[string]any{"range": map[string]any{e.cfg.TimeKey: map[string]any{"gte": since.UTC().Format("2006-01-02T15:04:05.000Z")}}},
		}}}
	}
	query, err := json.Marshal(map[string]any{"size": 0, "query": wanted})
	if err != nil {
		panic(err) // strings can always be encoded
	}
	ctx, cancel := context.WithTimeout(ctx, canaryPatience)
	defer cancel()
	for {
		a := e.client.Do(ctx, http.MethodPost, "/"+index+"/_search", searching, query)
		switch {
		case a.Failure != nil && ctx.Err() == nil:
			return "not looked for (" + unreadable("it", a, "indices:data/read/search",
				"es:ESHttpPost").summary + ")", true
		case a.Failure == nil && total(a.Body) > 0:
			return "found after " + age(time.Since(since)), true
		}
		select {
		case <-time.After(canaryPause):
		case <-ctx.Done():
			return fmt.Sprintf("not found within %s", canaryPatience), false
		}
	}
}

func total(body []byte) int {
	var found struct {
		Hits struct {
			Total struct {
				Value int `json:"value"`
			} `json:"total"`
		} `json:"hits"`
	}
	if json.Unmarshal(body, &found) != nil {
		return 0
	}
	return found.Hits.Total.Value
}

// remove deletes the canary, also where the search was given up, and says whether that went well.
func (e *examination) remove(ctx context.Context, index, id string) string {
	if id == "" {
		return "and left there: a collection of time series deletes no document"
	}
	r := e.bulk(context.WithoutCancel(ctx), "delete", map[string]any{"_index": index, "_id": id}, nil)
	if r.Failure == nil && item(r).Verdict == opensearch.Delivered {
		return "deleted"
	}
	why := "the request failed"
	if r.Failure == nil {
		why = item(r).Type
		if m := lacking.FindStringSubmatch(item(r).Reason); m != nil {
			why = "the security role lacks " + m[1]
		}
	}
	return fmt.Sprintf("and left there as %s: %s", id, why)
}
