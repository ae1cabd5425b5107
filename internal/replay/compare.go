package replay

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"net/http"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/deadletter"
	"out_opensearch_irsa/internal/opensearch"
)

// ownID tells whether a record's id is its own (Id_Key). Those that the plugin makes are of the
// record's bytes, so another document cannot have one; they begin with the record's time.
func ownID(r *deadletter.Record) bool {
	id, err := base64.RawURLEncoding.DecodeString(r.ID)
	if err != nil || len(r.ID) != bulk.IDSize {
		return true
	}
	var ms [8]byte
	copy(ms[2:], id)
	return binary.BigEndian.Uint64(ms[:]) != uint64(r.Time.UnixMilli())&(1<<48-1)
}

// compare looks at items for one index whose ids are taken: by themselves, sent before, or by
// another document, beside which they would be lost without a word.
func (s *sender) compare(ctx context.Context, items []*item) {
	refs := make([]opensearch.DocumentRef, len(items))
	for n, l := range items {
		refs[n] = opensearch.DocumentRef{ID: l.record.ID, Routing: l.record.Routing}
	}
	found, fail := s.client.Stored(context.WithoutCancel(ctx), items[0].record.Index, refs)
	for n, l := range items {
		switch {
		case fail != nil:
			l.refuse(http.StatusConflict, "id_taken",
				"a document has this id, and it cannot be told whether it is the same: "+fail.Summary, fail.Remedy)
		case found[n] != nil && opensearch.SameDocument(l.record.Document, found[n], s.pipeline != ""):
			l.outcome = existed
		default:
			l.refuse(http.StatusConflict, "id_taken",
				"another document has this id", "-o Write_Operation=index replaces it; or remove "+
					"the dead letter")
		}
	}
}
