package e2e

import (
	"crypto/tls"
	"fmt"
	"net/url"
	"testing"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/opensearch"
)

// TestJoinedPiecesAreReadWhole is about requests that several flushes share: the real server reads
// what each has compressed by itself as one body.
func TestJoinedPiecesAreReadWhole(t *testing.T) {
	endpoint, err := url.Parse(world.OpenSearch.URL)
	if err != nil {
		t.Fatal(err)
	}
	client, err := opensearch.New(opensearch.Options{
		Endpoint: endpoint, Username: world.OpenSearch.Username,
		Password: config.Secret(world.OpenSearch.Password),
		TLS:      &tls.Config{RootCAs: world.CA.Pool(), MinVersion: tls.VersionTLS12},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	f := func(pieces, lines int) {
		t.Helper()
		var parts []bulk.Piece
		var gzip bulk.Compressor
		for p := range pieces {
			var body []byte
			for i := range lines {
				body = fmt.Appendf(body, `{"create":{"_id":"%d-%d"}}`+"\n"+`{"log":"line %d of piece %d: %x"}`+"\n", p, i, i, p, i*7919*p)
			}
			piece, _ := gzip.Piece(nil, body)
			parts = append(parts, piece)
		}
		index := fmt.Sprintf("eks-log-joined-%d-%d", pieces, lines)
		res := client.Bulk(t.Context(),
			&opensearch.Request{Index: index, Body: bulk.Join(nil, parts), Gzip: true,
				Items: pieces * lines})
		if err := world.OpenSearch.Refresh(t.Context(), index); err != nil {
			t.Fatal(err)
		}
		if got := count(t, index); got != pieces*lines || !res.Delivered {
			t.Errorf("%d pieces of %d lines: %d documents are stored: %+v", pieces, lines, got, res)
		}
	}
	f(1, 1)
	f(50, 20)
	f(3, 10_000)
}
