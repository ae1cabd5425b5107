package deliver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// TestProxysPageIsNoVerdict has a proxy answer 400 with a page for a while: no document is to blame
// for it, and each halving would ask again.
func TestProxysPageIsNoVerdict(t *testing.T) {
	for name, answer := range map[string]string{
		"page":        "<html><body>400 Bad Request</body></html>",
		"some error":  `{"error":{"type":"illegal_argument_exception","reason":"the cluster is being reconfigured"},"status":400}`,
		"front door":  `{"message":"Bad Request"}`,
		"parse error": `{"error":{"type":"parse_exception","reason":"cannot read the request"},"status":400}`,
	} {
		d := newDomain(t)
		d.refuse = func(*http.Request, []byte) (int, string) { return 400, answer }
		out, log := start(t, d, "Retry_Budget 2s")
		chunk := chunkOf(1000, false, "x")
		for range 5 {
			if out.Flush("t", chunk) {
				t.Fatalf("%s: settled", name)
			}
		}
		if len(d.requests) > 60 {
			t.Fatalf("%s: %d requests", name, len(d.requests))
		}
		d.mu.Lock()
		d.refuse = nil
		d.mu.Unlock()
		for deadline := time.Now().Add(2 * maxBackoff); !out.Flush("t", chunk); {
			if time.Now().After(deadline) {
				t.Fatalf("%s: not settled\n%s", name, log)
			}
		}
		if d.in("eks-log") != 1000 || d.in("eks-log-dead-letter") != 0 {
			t.Fatalf("%s: %d documents, %d dead letters\n%s", name, d.in("eks-log"),
				d.in("eks-log-dead-letter"), log)
		}
	}
}

// TestDomainThatTakesNoIndexOnLines is a domain with rest.action.multi.allow_explicit_index false,
// and a chunk over midnight.
func TestDomainThatTakesNoIndexOnLines(t *testing.T) {
	d := newDomain(t)
	d.refuse = func(_ *http.Request, body []byte) (int, string) {
		if strings.Contains(string(body), `"_index"`) {
			return 400, `{"error":{"type":"illegal_argument_exception","reason":"explicit index in bulk is not allowed"},"status":400}`
		}
		return 0, ""
	}
	d.judge = func(_, doc string) (int, string) {
		if strings.Contains(doc, ` LINE=3 `) && !strings.Contains(doc, `"record"`) {
			return 400, "mapper_parsing_exception"
		}
		return 201, ""
	}
	out, log := start(t, d, "Index eks-log-%H%M%S", "Retry_Budget 0s")
	var chunk []byte
	for i := range 40 {
		one := chunkOf(1, false, fmt.Sprintf("second %d LINE=%d", i/20, i%20))
		one[7] += byte(i / 20) // of its seconds
		chunk = append(chunk, one...)
	}
	if !out.Flush("t", chunk) {
		t.Fatalf("not settled\n%s", log)
	}
	if len(d.stored) != 40 || d.in("eks-log-034850-dead-letter")+d.in("eks-log-034851-dead-letter") != 2 {
		t.Fatalf("%d documents: %v\n%s", len(d.stored), d.requests, log)
	}
}

// TestIDThatIsTakenIsNotLost has five records to an id, of which only one can be stored; and a
// chunk that comes twice, which is stored already.
func TestIDThatIsTakenIsNotLost(t *testing.T) {
	for _, mget := range []bool{true, false} {
		d := newDomain(t)
		d.mget = mget
		out, log := start(t, d, "Id_Key trace", "Retry_Budget 10s")
		var chunk, first []byte
		for i := range 100 {
			head := chunkOf(1, false, "x")[:13]
			chunk = msgp.AppendMapHeader(append(chunk, head...), 2)
			chunk = msgp.AppendString(msgp.AppendString(chunk, "log"), fmt.Sprintf("LINE=%d", i))
			chunk = msgp.AppendString(msgp.AppendString(chunk, "trace"), fmt.Sprint("trace-", i/5))
			if i == 0 {
				first = chunk
			}
		}
		if !out.Flush("t", chunk) || d.in("eks-log") != 20 || d.in("eks-log-dead-letter") != 80 {
			t.Fatalf("mget %v: %d documents, %d dead letters\n%s", mget, d.in("eks-log"),
				d.in("eks-log-dead-letter"), log)
		}
		if log.count("in the dead letters with id_taken") != 1 {
			t.Fatalf("%s", log)
		}
		if mget != (log.count("cannot compare records") == 0) {
			t.Fatalf("mget %v: %s", mget, log)
		}
		if !out.Flush("t", first) { // a file that is read again
			t.Fatalf("not settled\n%s", log)
		}
		if want := map[bool]int{true: 80, false: 81}[mget]; d.in("eks-log-dead-letter") != want {
			t.Fatalf("mget %v: %d dead letters after the same record came again, want %d\n%s", mget,
				d.in("eks-log-dead-letter"), want, log)
		}
	}
}

// TestLostAnswerWithIDsOfRecords is the same without a permission to read: what was sent before and
// whose answer was lost is taken for stored.
func TestLostAnswerWithIDsOfRecords(t *testing.T) {
	for _, mget := range []bool{true, false} {
		d := newDomain(t)
		d.mget, d.breaks = mget, 1
		out, log := start(t, d, "Id_Key log", "Retry_Budget 10s")
		if !out.Flush("t", chunkOf(50, false, "x")) || d.in("eks-log") != 50 ||
			d.in("eks-log-dead-letter") != 0 {
			t.Fatalf("mget %v: %d documents, %d dead letters\n%s", mget, d.in("eks-log"),
				d.in("eks-log-dead-letter"), log)
		}
	}
}

// TestEncoderPanicIsNotTheChunksEnd has the encoder panic, and then everything that is made of the
// chunk's records.
func TestEncoderPanicIsNotTheChunksEnd(t *testing.T) {
	d := newDomain(t)
	out, log := start(t, d)
	broken := func() {
		f, err := out.newFlush()
		if err != nil {
			t.Fatal(err)
		}
		f.enc = nil
		out.buffers.free = []*flush{f}
	}
	broken()
	if !out.Flush("t", chunkOf(10, false, "x")) || d.in("eks-log") != 10 {
		t.Fatalf("%d documents\n%s", d.in("eks-log"), log)
	}
	if log.count("recovered from panic in encoding a chunk of tag t") != 1 ||
		out.counts.ReferenceChunks.Get() != 1 || out.counts.Panics.Get() != 1 {
		t.Fatalf("%s", log)
	}
}

// TestChunkThatPanicsComesToAnEnd has sending panic: the chunk comes back, and the third return is
// the last.
func TestChunkThatPanicsComesToAnEnd(t *testing.T) {
	d := newDomain(t)
	out, log := start(t, d)
	chunk := append(chunkOf(5, true, "x"), chunkOf(5, false, "y")...)
	client := out.client
	for range maxPanics {
		out.client = nil
		if out.Flush("t", chunk) {
			t.Fatal("settled")
		}
	}
	out.client = client
	if !out.Flush("t", chunk) || d.in("eks-log") != 0 || d.in("fluent-bit-dead-letter") != 10 {
		t.Fatalf("%d documents, %d dead letters\n%s", d.in("eks-log"),
			d.in("fluent-bit-dead-letter"), log)
	}
	for _, doc := range d.stored {
		var letter map[string]any
		if err := json.Unmarshal([]byte(doc), &letter); err != nil ||
			letter["type"] != "chunk_panic" || letter["record_msgpack"] == nil {
			t.Fatalf("%s", doc)
		}
	}
}

// TestPanicKeepsTheLedgerRight has one flush panic between two that settle the same coarse chunk.
func TestPanicKeepsTheLedgerRight(t *testing.T) {
	d := newDomain(t)
	out, log := start(t, d)
	chunk := chunkOf(9, true, "x")
	client := out.client
	out.client = nil
	if out.Flush("t", chunk) {
		t.Fatal("settled")
	}
	out.client = client
	if !out.Flush("t", chunk) || d.in("eks-log") != 9 {
		t.Fatalf("%d documents of 9\n%s", d.in("eks-log"), log)
	}
}

func TestRequestSizeGrowsBack(t *testing.T) {
	s := newRequestSize(1 << 20)
	if size, lower := s.refused(1 << 20); size != 512<<10 || !lower {
		t.Fatal(size, lower)
	}
	if size, lower := s.refused(1 << 20); size != 512<<10 || lower {
		t.Fatal("a body that was too large before tells nothing new", size, lower)
	}
	if size, _ := s.refused(1); size != minRequestSize {
		t.Fatal(size)
	}
	for step := 0; s.limit() < 1<<20; step++ {
		if step > 20 {
			t.Fatal("it does not grow back", s.limit())
		}
		before := s.limit()
		s.changed = s.changed.Add(-growEvery)
		if now := s.limit(); now <= before || now > before+before/4 {
			t.Fatalf("%d after %d", now, before)
		}
	}
}

// TestUnreadableDocumentWithoutABudget has one line that the server cannot read, and no second
// round in a flush: the chunk's return is the second time.
func TestUnreadableDocumentWithoutABudget(t *testing.T) {
	d := newDomain(t)
	d.refuse = func(_ *http.Request, body []byte) (int, string) {
		if strings.Contains(string(body), `LINE=7"`) &&
			!strings.Contains(string(body), `"record"`) {
			return 400, `{"error":{"type":"parse_exception","reason":"cannot read the request"},"status":400}`
		}
		return 0, ""
	}
	out, log := start(t, d, "Retry_Budget 0s")
	chunk := chunkOf(16, false, "x")
	for n := 0; !out.Flush("t", chunk); n++ {
		if n > 10 {
			t.Fatalf("it comes back for ever\n%s", log)
		}
		out.breaker.next = time.Time{} // the time has passed
	}
	if d.in("eks-log") != 15 || d.in("eks-log-dead-letter") != 1 {
		t.Fatalf("%d documents, %d dead letters\n%s", d.in("eks-log"), d.in("eks-log-dead-letter"), log)
	}
}

// TestDeadLettersTakeNoPipeline has an option Pipeline, which is for documents.
func TestDeadLettersTakeNoPipeline(t *testing.T) {
	d := newDomain(t)
	d.judge = reject
	d.refuse = func(r *http.Request, body []byte) (int, string) {
		if dead := strings.Contains(string(body),
			`"record"`); dead == (r.URL.Query().Get("pipeline") == "clean") {
			return 500, ""
		}
		return 0, ""
	}
	out, log := start(t, d, "Pipeline clean")
	if !out.Flush("t", chunkOf(20, false, "x")) || d.in("eks-log") != 18 ||
		d.in("eks-log-dead-letter") != 2 {
		t.Fatalf("%d documents, %d dead letters\n%s", d.in("eks-log"), d.in("eks-log-dead-letter"), log)
	}
}
