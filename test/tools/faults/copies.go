package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// copies shows the documents that have the first number which occurs twice, so that one sees in
// what they differ.
func (t *trial) copies(ctx context.Context, s sums) string {
	first, _, _ := strings.Cut(strings.TrimSpace(s.twice), "-")
	number, err := strconv.Atoi(first)
	if err != nil {
		return ""
	}
	// The number's neighbour on the line differs from row to row, so all documents are looked
	// through, a page at a time.
	var text strings.Builder
	query := fmt.Sprintf(`{"size":%d,"sort":["_doc"]}`, page)
	path := "/" + t.index + "*/_search?scroll=1m"
	for {
		var answer struct {
			Scroll string `json:"_scroll_id"`
			Hits   struct {
				Hits []struct {
					Index  string          `json:"_index"`
					ID     string          `json:"_id"`
					Source json.RawMessage `json:"_source"`
				} `json:"hits"`
			} `json:"hits"`
		}
		if err := ask(ctx, t.stack.OpenSearch, "POST", path, query, &answer); err != nil {
			return err.Error() + "\n"
		}
		for _, hit := range answer.Hits.Hits {
			if m := numbered.FindSubmatch(hit.Source); m != nil &&
				string(m[1]) == strconv.Itoa(number) {
				fmt.Fprintf(&text, "%s %s %.400s\n", hit.Index, hit.ID, hit.Source)
			}
		}
		if len(answer.Hits.Hits) < page {
			return text.String()
		}
		path, query = "/_search/scroll",
			fmt.Sprintf(`{"scroll":"1m","scroll_id":%q}`, answer.Scroll)
	}
}
