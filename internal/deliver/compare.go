package deliver

import (
	"context"
	"encoding/json"
	"net/http"

	"out_opensearch_irsa/internal/opensearch"
)

// maxCompared is how many documents are fetched at a time, and at most comparedBytes of ours: what
// is stored under the same ids is likely of the same size.
const (
	maxCompared   = 200
	comparedBytes = 1 << 20
)

// compareDocuments looks at the items that met a document of the same id, where the id is the
// record's own (Id_Key with Write_Operation create). If the document there is the same, an earlier
// attempt stored it; if it is another one, the record is rejected, since it would be lost without a
// word. It tells whether an item was put back to be sent at once, because there is no such document
// any more.
func (y *delivery) compareDocuments(ctx context.Context) (atOnce bool) {
	for len(y.compare) > 0 {
		n, size := 0, 0
		index := y.batch.Index(y.compare[0])
		for n < len(y.compare) && n < maxCompared && size < comparedBytes &&
			y.batch.Index(y.compare[n]) == index {
			size += y.batch.Size(y.compare[n : n+1])
			n++
		}
		if y.compareSome(ctx, index, y.compare[:n]) {
			atOnce = true
		}
		y.compare = y.compare[n:]
	}
	return atOnce
}

func (y *delivery) compareSome(ctx context.Context, index string, items []int32) (atOnce bool) {
	d := y.d
	refs := make([]opensearch.DocumentRef, len(items))
	for n, i := range items {
		refs[n] = opensearch.DocumentRef{ID: y.batch.ID(int(i)), Routing: y.batch.Routing(int(i))}
	}
	found, fail := d.client.Stored(ctx, index, refs)
	if fail != nil && !fail.Effect.Has(opensearch.Denied) {
		y.retry = append(y.retry, items...) // the domain is unreachable or overloaded: the next round asks again
		return false
	}
	if fail != nil {
		d.otherErrors.Failed(compareError, func() string {
			return "cannot compare records with the documents that have their ids, so they go to " +
				"the dead letters unless they were sent before: " +
				fail.Error() + ": allow indices:data/read/mget on the index, or set " +
				"Write_Operation index, with which the last one wins"
		})
	} else {
		d.otherErrors.Recovered("comparing documents",
			func(e otherError) bool { return e == compareError })
	}
	same := 0
	for n, i := range items {
		var stored json.RawMessage
		if n < len(found) {
			stored = found[n]
		}
		switch {
		case stored == nil && fail == nil && y.round == 0:
			y.retry = append(y.retry, i) // it was deleted a moment ago
			atOnce = true
		case stored != nil && opensearch.SameDocument(y.batch.Document(int(i)), stored, d.cfg.Pipeline != ""), stored == nil && y.ambiguous:
			y.settled.set(int(i))
			same++
		default:
			y.rejectItem(i, opensearch.Item{Status: http.StatusConflict, Kind: opensearch.Duplicate,
				Type: "id_taken",
				Reason: "another document has this id: choose an Id_Key that is one record's " +
					"alone, or set Write_Operation index, with which the last one wins"})
		}
	}
	d.counts.Duplicates.Add(same)
	return atOnce
}
