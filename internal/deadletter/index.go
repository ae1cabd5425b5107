package deadletter

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
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
}

// NewIndex returns a Keeper that sends letters through client, in requests of at most limit bytes where a letter allows it.
func NewIndex(client Bulker, limit int) *Index { return &Index{client, limit} }

// Write sends the letters. That of a record with an id has one too, so one that is written again is stored once.
func (x *Index) Write(ctx context.Context, letters []Letter) error {
	var body []byte
	items := 0
	for i := range letters {
		start := len(body)
		var err error
		if body, err = appendItem(body, &letters[i]); err != nil {
			return err
		}
		items++
		if len(body) > x.limit && items > 1 {
			if err := x.send(ctx, body[:start], items-1); err != nil {
				return err
			}
			body, items = append(body[:0], body[start:]...), 1
		}
	}
	return x.send(ctx, body, items)
}

func appendItem(body []byte, l *Letter) ([]byte, error) {
	action := map[string]map[string]string{"create": {"_index": l.To}}
	if l.ID != "" {
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

func (x *Index) send(ctx context.Context, body []byte, items int) error {
	if items == 0 {
		return nil
	}
	sum := sha256.Sum256(body)
	res := x.client.Bulk(ctx, &opensearch.Request{Body: body, SHA256: hex.EncodeToString(sum[:]), Items: items})
	if res.Failure != nil {
		return res.Failure
	}
	for _, it := range res.Items {
		if it.Verdict != opensearch.Delivered {
			return fmt.Errorf("%s: %s", it.Type, strings.TrimSpace(it.Reason))
		}
	}
	return nil
}

// Close has nothing to end.
func (x *Index) Close() error { return nil }
