package equality

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"out_opensearch_irsa/internal/deliver"
)

// hit is a document with all that OpenSearch knows about it.
type hit struct {
	Index   string          `json:"_index"`
	ID      string          `json:"_id"`
	Routing string          `json:"_routing"`
	Source  json.RawMessage `json:"_source"`
}

// hits returns the documents of an index in the order of their text.
func hits(t *testing.T, index string) []hit {
	t.Helper()
	ask(t, "POST", "/"+index+"/_refresh?ignore_unavailable=true&allow_no_indices=true", "")
	var found struct {
		Hits struct{ Hits []hit }
	}
	if err := json.Unmarshal(ask(t, "POST",
		"/"+index+"/_search?ignore_unavailable=true&allow_no_indices=true", `{"size":10000}`), &found); err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(found.Hits.Hits,
		func(a, b hit) int { return strings.Compare(string(a.Source), string(b.Source)) })
	return found.Hits.Hits
}

// letters returns the error types in a dead-letter index, in order.
func letters(t *testing.T, index string) []string {
	t.Helper()
	var types []string
	for _, h := range hits(t, index) {
		var letter struct{ Type string }
		if err := json.Unmarshal(h.Source, &letter); err != nil {
			t.Fatal(err)
		}
		types = append(types, letter.Type)
	}
	slices.Sort(types)
	return types
}

// send delivers one chunk of records, a second after the other, through a new instance, as after a
// restart.
func send(t *testing.T, bodies []value, options ...string) {
	t.Helper()
	out, log := deliverer(t, append([]string{"Path /" + asIs}, options...)...)
	defer out.Close()
	flush(t, out, log, bodies)
}

func flush(t *testing.T, out *deliver.Deliverer, log *logged, bodies []value) {
	t.Helper()
	if !out.Flush("kube.targets", pack(numberedEntries(bodies), "", false)) {
		t.Fatalf("the chunk is not settled\n%s", strings.Join(log.lines, "\n"))
	}
}

// numberedEntries are records with these bodies, a second apart.
func numberedEntries(bodies []value) (entries []entry) {
	for i, body := range bodies {
		entries = append(entries, entry{sec: firstSecond +
			uint32(i), nsec: 123_456_789, body: body})
	}
	return entries
}

// numbered are n small records.
func numbered(n int) (bodies []value) {
	for i := range n {
		bodies = append(bodies, object(str("n"), num(int64(i)), str("log"), str("a line")))
	}
	return bodies
}

func TestDataStream(t *testing.T) {
	requireServer(t)
	ask(t, "PUT", "/_index_template/stream",
		`{"index_patterns":["eks-stream*"],"data_stream":{},"priority":20,"template":{"settings":{"number_of_replicas":0}}}`)
	for range 2 { // the second time as after a crash, when files are read again
		send(t, numbered(5), "Index eks-stream", "Write_Operation create")
	}
	found := hits(t, "eks-stream")
	if len(found) != 5 {
		t.Errorf("%d documents, want 5", len(found))
	}
	for _, h := range found {
		if !strings.HasPrefix(h.Index, ".ds-eks-stream-") {
			t.Errorf("a document is in index %s, which is no part of a data stream", h.Index)
		}
	}
	var streams struct {
		Streams []struct{ Indices []struct{} } `json:"data_streams"`
	}
	if err := json.Unmarshal(ask(t, "GET", "/_data_stream/eks-stream", ""), &streams); err != nil ||
		len(streams.Streams) != 1 || len(streams.Streams[0].Indices) != 1 {
		t.Errorf("the data stream is %+v (%v), want one with one index", streams, err)
	}
}

func TestAliasWithWriteIndex(t *testing.T) {
	requireServer(t)
	ask(t, "PUT", "/orders-000001", `{"aliases":{"orders":{"is_write_index":false}}}`)
	ask(t, "PUT", "/orders-000002", `{"aliases":{"orders":{"is_write_index":true}}}`)
	for range 2 {
		send(t, numbered(5), "Index orders")
	}
	if n, m := len(hits(t, "orders-000001")), len(hits(t, "orders-000002")); n != 0 || m != 5 {
		t.Errorf("%d and %d documents, want 0 and 5 in the write index", n, m)
	}
}

// TestDedot sends the labels that clash most often: one is text, and the other makes an object of
// the same name.
func TestDedot(t *testing.T) {
	requireServer(t)
	label := func(labels ...value) value {
		return object(str("kubernetes"), object(str("labels"), object(labels...)))
	}
	bodies := []value{
		label(str("app"), str("shop")), label(str("app.kubernetes.io/name"), str("cart")),
		label(str("app"), str("shop"), str("app.kubernetes.io/name"), str("cart")),
	}
	f := func(index, dedot string, stored int, lost ...string) {
		t.Helper()
		send(t, bodies, "Index "+index, "Dedot "+dedot)
		if n := len(hits(t, index)); n != stored {
			t.Errorf("Dedot %s: %d documents, want %d", dedot, n, stored)
		}
		if got := letters(t, index+"-dead-letter"); !slices.Equal(got, lost) {
			t.Errorf("Dedot %s: dead letters %q, want %q", dedot, got, lost)
		}
	}
	f("dedot-off", "Off", 1, "mapper_parsing_exception", "mapper_parsing_exception")
	f("dedot-on", "On", 3)
}

func TestRoutingKey(t *testing.T) {
	requireServer(t)
	ask(t, "PUT", "/routed", `{"settings":{"number_of_shards":5,"number_of_replicas":0}}`)
	var bodies []value
	for i := range 40 {
		bodies = append(bodies, object(str("n"), num(int64(i)), str("kubernetes"),
			object(str("tenant"), str(fmt.Sprint("tenant ", i%4)))))
	}
	send(t, append(bodies, object(str("n"), num(99))), "Index routed", "Routing_Key "+
		"$kubernetes['tenant']")
	for _, h := range hits(t, "routed") {
		var body struct{ Kubernetes struct{ Tenant string } }
		if err := json.Unmarshal(h.Source, &body); err != nil ||
			h.Routing != body.Kubernetes.Tenant {
			t.Errorf("a document of %q has the routing %q (%v)", body.Kubernetes.Tenant, h.Routing, err)
		}
	}
	// A search with a routing looks into one shard alone, where all of the tenant's documents have
	// to be.
	for tenant := range 4 {
		name := fmt.Sprint("tenant ", tenant)
		var counted struct {
			Count  int
			Shards struct{ Total int } `json:"_shards"`
		}
		answer := ask(t, "POST", "/routed/_count?routing="+strings.ReplaceAll(name, " ", "%20"),
			`{"query":{"term":{"kubernetes.tenant.keyword":"`+name+`"}}}`)
		if err := json.Unmarshal(answer, &counted); err != nil || counted.Count != 10 ||
			counted.Shards.Total != 1 {
			t.Errorf("%s: %s, want 10 documents in one shard", name, answer)
		}
	}
}

func TestIDKey(t *testing.T) {
	requireServer(t)
	ids := func(index string) map[string]string {
		all := map[string]string{}
		for _, h := range hits(t, index) {
			all[string(h.Source)] = h.ID
		}
		return all
	}
	long := strings.Repeat("x", 512)
	send(t, []value{
		object(str("n"), num(0), str("trace"), object(str("id"), str("first/1 \"ü"))),
		object(str("n"), num(1), str("trace"), object(str("id"), num(-7))),
		object(str("n"), num(2)),
		object(str("n"), num(3), str("trace"), object(str("id"), str(""))),
		object(str("n"), num(4), str("trace"), object(str("id"), str(long))),
		object(str("n"), num(5), str("trace"), object(str("id"), str(long+"x"))),
	}, "Index by-id", "Id_Key $trace['id']", "Time_Key t")
	own := map[int]string{0: "first/1 \"ü", 1: "-7", 4: long}
	got := ids("by-id")
	if len(got) != 6 {
		t.Errorf("%d documents, want 6", len(got))
	}
	for source, id := range got {
		var body struct{ N int }
		if err := json.Unmarshal([]byte(source), &body); err != nil {
			t.Fatal(err)
		}
		if want, has := own[body.N]; has && id != want || !has && len(id) != 20 {
			t.Errorf("document %d has the id %q, want %q, or 20 characters of ours", body.N, id, want)
		}
	}

	// An update changes what is there and needs an id.
	send(t, []value{object(str("id"), str("a"), str("state"), str("new")),
		object(str("id"), str("b"), str("state"),
			str("new"))}, "Index states", "Id_Key id", "Write_Operation index")
	send(t, []value{object(str("id"), str("a"), str("more"), num(1)), object(str("more"), num(2)),
		object(str("id"), str("missing"), str("more"),
			num(3))}, "Index states", "Id_Key id", "Write_Operation update")
	found := hits(t, "states")
	if len(found) != 2 || !strings.Contains(string(found[0].Source), `"state":"new"`) ||
		!strings.Contains(string(found[0].Source)+string(found[1].Source), `"more":1`) {
		t.Errorf("documents %s, want two, of which one is updated", found)
	}
	if got, want := letters(t, "states-dead-letter"),
		[]string{"document_missing_exception", "id_missing"}; !slices.Equal(got, want) {
		t.Errorf("dead letters %q, want %q", got, want)
	}
	send(t, []value{object(str("id"), str("a"), str("more"), num(4)),
		object(str("id"), str("c"), str("more"),
			num(5))}, "Index states", "Id_Key id", "Write_Operation upsert")
	if n := len(hits(t, "states")); n != 3 {
		t.Errorf("%d documents after an upsert, want 3", n)
	}
}

// TestPipelineOfRecord names the pipeline in the record. The distribution has no processors: what
// shows that the name arrives is that OpenSearch refuses one that is not there.
func TestPipelineOfRecord(t *testing.T) {
	requireServer(t)
	ask(t, "PUT", "/_ingest/pipeline/of-record", `{"processors":[]}`)
	bodies := append(numbered(3), object(str("pipeline"), str("of-record"), str("n"), num(10)),
		object(str("pipeline"), str("to-come"), str("n"), num(11)))
	out, log := deliverer(t, "Path /"+asIs, "Index piped", "Pipeline $pipeline", "Retry_Budget 0")
	defer out.Close()
	records := pack(numberedEntries(bodies), "", false)
	if !out.Flush("kube.targets", records) {
		t.Errorf("the chunk is not settled\n%s", strings.Join(log.lines, "\n"))
	}
	if n := len(hits(t, "piped")); n != 4 {
		t.Errorf("%d documents, want 4: all but the one whose pipeline is missing", n)
	}
	if got := letters(t, "piped-dead-letter"); len(got) != 1 {
		t.Errorf("dead letters %q, want the record that names a pipeline which is missing", got)
	}
}

// TestDeadLettersKnowTheirIndex looks for the index that a dead letter was meant for, which is
// where a replay sends it.
func TestDeadLettersKnowTheirIndex(t *testing.T) {
	requireServer(t)
	send(t, []value{object(str("log"), str("a line"))}, "Index meant-for-this", "Id_Key id",
		"Write_Operation update", "Dead_Letter_Index elsewhere")
	for _, h := range hits(t, "elsewhere") {
		var letter struct{ Index string }
		if err := json.Unmarshal(h.Source, &letter); err != nil ||
			letter.Index != "meant-for-this" {
			t.Errorf("the dead letter says that its index is %q (%v): %s", letter.Index, err,
				h.Source)
		}
	}
}

// TestDeadLettersOfOneID rejects two different records that have the same id of their own.
func TestDeadLettersOfOneID(t *testing.T) {
	requireServer(t)
	send(t, []value{object(str("id"), str("a"), str("n"), num(1)),
		object(str("id"), str("a"), str("n"),
			num(2))}, "Index none", "Id_Key id", "Write_Operation update")
	if got := letters(t, "none-dead-letter"); len(got) != 2 {
		t.Errorf("dead letters %q, want both records", got)
	}
}
