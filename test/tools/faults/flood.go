package main

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"out_opensearch_irsa/test/fixtures/stack"
)

// floodSizes are the sizes, in bytes, of the bulk requests that a flood sends at a time: together
// more than the tenth of the heap that OpenSearch lets documents on their way take. The small ones
// take what the large ones leave.
var floodSizes = slices.Concat(slices.Repeat([]int{16 << 20}, 8), slices.Repeat([]int{1 << 20}, 8))

// flood sends bulk requests to an index of its own until ctx ends, and counts how many the server
// had no memory for.
func flood(ctx context.Context, o *stack.OpenSearch, refused *atomic.Int64) {
	text := make([]byte, 6<<10)
	_, _ = rand.Read(text) // never fails, by its contract
	item := fmt.Sprintf("{\"create\":{}}\n{\"text\":%q}\n", base64.StdEncoding.EncodeToString(text))
	var all sync.WaitGroup
	for _, size := range floodSizes {
		all.Go(func() {
			body := strings.Repeat(item, size/len(item))
			for ctx.Err() == nil {
				status, _, err := o.Do(ctx, "POST", "/flood/_bulk?filter_path=errors", body)
				if err == nil && status == http.StatusTooManyRequests {
					refused.Add(1)
				}
			}
		})
	}
	all.Wait()
}
