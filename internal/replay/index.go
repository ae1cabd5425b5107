package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"out_opensearch_irsa/internal/opensearch"
)

const (
	// pageSize is how many dead letters are read at a time, or fewer where so many are too long.
	pageSize = 500
	// scrollTime is how long the domain keeps its place while a page is sent: longer than attempts
	// take.
	scrollTime = "10m"
)

// errPage says that a page of dead letters could not be read whole.
var errPage = errors.New("cannot read so many dead letters at a time")

// index replays the dead letters of an index, as they are when it begins, and returns how many
// stay.
func (r *replayer) index(ctx context.Context, name string) (kept int, err error) {
	r.begin(0)
	seen := map[string]bool{}
	for size := pageSize; ; size = max(1, size/8) {
		if err = r.scroll(ctx, name, size, seen); !errors.Is(err, errPage) || size == 1 {
			break
		}
	}
	if err != nil {
		r.counts[unsent] = max(r.counts[unsent], r.progress.Total-r.progress.Done)
		err = fmt.Errorf("index %q: %w", name, err)
		if len(seen) == 0 {
			return 0, err // nothing was read
		}
	}
	r.report(name, "the index")
	return r.kept(), err
}

// page is one answer of a search.
type page struct {
	ScrollID string `json:"_scroll_id"`
	Hits     struct {
		Total struct {
			Value int `json:"value"`
		} `json:"total"`
		Hits []struct {
			Index  string          `json:"_index"`
			ID     string          `json:"_id"`
			Source json.RawMessage `json:"_source"`
		} `json:"hits"`
	} `json:"hits"`
}

// scroll goes through the index, size dead letters at a time, and passes over those in seen.
func (r *replayer) scroll(ctx context.Context, name string, size int, seen map[string]bool) error {
	query := fmt.Sprintf(`{"size":%d,"sort":["_doc"],"track_total_hits":true}`, size)
	p, err := r.ask(ctx, "/"+url.PathEscape(name)+"/_search",
		"allow_no_indices=false&scroll="+scrollTime, query)
	if err != nil {
		return err
	}
	if len(seen) == 0 {
		r.progress.Start(p.Hits.Total.Value)
	}
	id := p.ScrollID
	defer func() { r.endScroll(ctx, id) }()
	for len(p.Hits.Hits) > 0 {
		var items []*item
		for _, hit := range p.Hits.Hits {
			key := hit.Index + "/" + hit.ID
			if seen[key] {
				continue
			}
			seen[key] = true
			l := read(hit.Source, r.to)
			l.index, l.id = hit.Index, hit.ID
			items = append(items, l)
		}
		sendErr := r.send(ctx, items)
		if err := errors.Join(sendErr, r.remove(ctx, items)); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return errInterrupted
		}
		next, err := json.Marshal(map[string]string{"scroll": scrollTime, "scroll_id": id})
		if err != nil {
			return err
		}
		if p, err = r.ask(ctx, "/_search/scroll", "", string(next)); err != nil {
			return err
		}
		id = p.ScrollID
	}
	return nil
}

func (r *replayer) ask(ctx context.Context, path, query, body string) (*page, error) {
	res := r.client.Do(ctx, http.MethodPost, path, query, []byte(body))
	switch f := res.Failure; {
	case f == nil:
	case f.Kind == opensearch.IndexMissing:
		return nil, fmt.Errorf("cannot read the dead letters: %s", f.Summary) // its remedy is a writer's
	case f.Kind == opensearch.BadAnswer:
		return nil, fmt.Errorf("%w: %w", errPage, f)
	default:
		return nil, fmt.Errorf("cannot read the dead letters: %w", f)
	}
	p := new(page)
	if err := json.Unmarshal(res.Body, p); err != nil {
		return nil, fmt.Errorf("%w: %w", errPage, err)
	}
	return p, nil
}

// endScroll tells the domain that its place is not needed any more; it would forget it by itself.
func (r *replayer) endScroll(ctx context.Context, id string) {
	body, err := json.Marshal(map[string]string{"scroll_id": id})
	if err == nil {
		_ = r.client.Do(context.WithoutCancel(ctx), http.MethodDelete, "/_search/scroll", "", body)
	}
}

// remove deletes the dead letters that went in.
func (r *replayer) remove(ctx context.Context, items []*item) error {
	var left []*item
	for _, l := range items {
		if l.outcome.gone() {
			left = append(left, l)
		}
	}
	for attempt := 1; len(left) > 0; attempt++ {
		var body []byte
		for _, l := range left {
			document := map[string]string{"_index": l.index, "_id": l.id}
			action, err := json.Marshal(map[string]any{"delete": document})
			if err != nil {
				return err
			}
			body = append(append(body, action...), '\n')
		}
		res := r.client.Bulk(context.WithoutCancel(ctx),
			&opensearch.Request{Body: body, Items: len(left)})
		var why error
		if left, why = notDeleted(left, &res); why == nil {
			return nil
		}
		if attempt == attempts || !passesLater(why) {
			return fmt.Errorf("%d dead letters went in and cannot be deleted, so "+
				"they are still there; sent again they are known: %w", len(left), why)
		}
		if err := r.sender.pause(ctx, attemptPause(attempt, res.RetryAfter)); err != nil {
			return err
		}
	}
	return nil
}

// notDeleted returns the items that an answer to their deletion leaves, and why.
func notDeleted(items []*item, res *opensearch.Result) (left []*item, why error) {
	switch {
	case res.Failure != nil:
		return items, res.Failure
	case res.Delivered:
		return nil, nil
	}
	for i, it := range res.Items {
		if it.Verdict == opensearch.Delivered || it.Status == http.StatusNotFound {
			continue
		}
		left = append(left, items[i])
		why = &notNow{it}
	}
	return left, why
}

// notNow is an item that a domain did not take.
type notNow struct{ item opensearch.Item }

func (e *notNow) Error() string { return e.item.Type + ": " + e.item.Reason }

// passesLater tells whether what an error tells of is likely to pass.
func passesLater(err error) bool {
	var failure *opensearch.Failure
	var item *notNow
	switch {
	case errors.As(err, &failure):
		return passes(failure.Kind)
	case errors.As(err, &item):
		return passes(item.item.Kind)
	}
	return false
}
