package deadletter

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"out_opensearch_irsa/internal/opensearch"
)

// Bulker sends one bulk request; *opensearch.Client is one.
type Bulker interface {
	Bulk(ctx context.Context, r *opensearch.Request) opensearch.Result
}

// Index keeps letters in the index that each of them names.
type Index struct {
	client Bulker
	limit  int
	bare   atomic.Bool // the domain refused ids
}

// NewIndex returns a Keeper that sends letters through client, in requests of at most limit bytes where a letter allows it.
func NewIndex(client Bulker, limit int) *Index { return &Index{client: client, limit: limit} }

// Write sends the letters. That of a record with an id has one too, so one that is written again is stored once; where the
// domain makes its own ids, they are sent without.
func (x *Index) Write(ctx context.Context, letters []Letter) error {
	return x.write(ctx, letters, x.bare.Load())
}

func (x *Index) write(ctx context.Context, letters []Letter, bare bool) error {
	var body []byte
	first := 0
	for i := range letters {
		start := len(body)
		var err error
		if body, err = appendItem(body, &letters[i], bare); err != nil {
			return err
		}
		if len(body) > x.limit && i > first {
			if err := x.send(ctx, body[:start], letters[first:i], bare); err != nil {
				return err
			}
			body, first = append(body[:0], body[start:]...), i
		}
	}
	return x.send(ctx, body, letters[first:], bare)
}

func appendItem(body []byte, l *Letter, bare bool) ([]byte, error) {
	action := map[string]map[string]string{"create": {"_index": l.To}}
	if l.ID != "" && !bare {
		action["create"]["_id"] = l.letterID()
	}
	line, err := json.Marshal(action)
	if err != nil {
		return body, fmt.Errorf("cannot write a dead letter's action line: %w", err)
	}
	body = append(append(body, line...), '\n')
	if body, err = l.AppendJSON(body); err != nil {
		return body, err
	}
	return append(body, '\n'), nil
}

// letterID is a letter's own id: several records may have one id by Id_Key, and each of them is to be kept.
func (l *Letter) letterID() string {
	h := sha256.New()
	for _, part := range []string{l.Tag, l.ID, l.Time.UTC().Format(time.RFC3339Nano), string(l.Document)} {
		_, _ = fmt.Fprintf(h, "%d:%s", len(part), part) // a hash takes everything
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:15])
}

// send sends the body of some letters, and those of them once more whose ids are refused.
func (x *Index) send(ctx context.Context, body []byte, letters []Letter, bare bool) error {
	if len(letters) == 0 {
		return nil
	}
	res := x.client.Bulk(ctx, &opensearch.Request{Body: body, Items: len(letters)})
	if res.Failure != nil {
		return res.Failure
	}
	var refused []Letter
	for n, it := range res.Items {
		switch {
		case it.Verdict == opensearch.Delivered:
		case it.Kind == opensearch.DocumentID && !bare:
			refused = append(refused, letters[n])
		default:
			return fmt.Errorf("%s: %s", it.Type, strings.TrimSpace(it.Reason))
		}
	}
	if refused == nil {
		return nil
	}
	x.bare.Store(true)
	return x.write(ctx, refused, true)
}

// Close has nothing to end.
func (x *Index) Close() error { return nil }
