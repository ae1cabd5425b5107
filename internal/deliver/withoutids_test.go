package deliver

import (
	"net/http"
	"strings"
	"testing"
)

// refuseIDs answers as a time-series collection of OpenSearch Serverless does.
func refuseIDs(_ *http.Request, body []byte) (int, string) {
	items := strings.Count(string(body), `{"create":{`)
	if !strings.Contains(string(body), `"_id":"`) {
		return 0, ""
	}
	item := `{"create":{"status":400,"error":{"type":"illegal_argument_exception","reason":"Document ID is not supported in create/index operation request"}}}`
	return http.StatusOK, `{"errors":true,"items":[` + strings.Repeat(item+",", items-1) + item + `]}`
}

func TestDomainThatRefusesIDs(t *testing.T) {
	d := newDomain(t)
	d.refuse, d.judge = refuseIDs, reject
	out, log := start(t, d, "Id_Key log", "Retry_Budget 0s") // nothing is waited for: what is sent again is sent at once
	for _, text := range []string{"a", "b"} {
		if !out.Flush("kube.a", chunkOf(20, false, text)) {
			t.Fatalf("chunk %s is not settled\n%s", text, log)
		}
	}
	if d.in("eks-log") != 36 || d.in("eks-log-dead-letter") != 4 {
		t.Fatalf("%d documents and %d dead letters, want 36 and 4\n%s", d.in("eks-log"),
			d.in("eks-log-dead-letter"), log)
	}
	// With ids, without them, the letters; then no more ids.
	if len(d.requests) != 5 {
		t.Errorf("requests of %v items", d.requests)
	}
	if log.count("the domain rejects custom _id") != 1 || log.count("error ") != 0 {
		t.Errorf("%s", log)
	}
}

func TestUpdateCannotDoWithoutIDs(t *testing.T) {
	d := newDomain(t)
	d.refuse = func(_ *http.Request, body []byte) (int, string) {
		return refuseIDs(nil, []byte(strings.ReplaceAll(string(body), `{"update":{`,
			`{"create":{`)))
	}
	out, log := start(t, d, "Write_Operation upsert", "Retry_Budget 0s")
	if out.Flush("kube.a", chunkOf(2, false, "a")) {
		t.Fatal("settled")
	}
	if log.count("Document ID") != 0 || log.count("illegal_argument_exception: this kind of "+
		"collection makes its own ids") != 1 {
		t.Errorf("%s", log)
	}
}

// TestLedgerTakesOverWithoutIDs has a chunk come back of which most is stored: without ids only the
// ledger knows that.
func TestLedgerTakesOverWithoutIDs(t *testing.T) {
	d := newDomain(t)
	d.refuse = refuseIDs
	busy := true
	d.judge = func(_, doc string) (int, string) {
		if busy && strings.Contains(doc, "LINE=7\"") {
			return http.StatusTooManyRequests, "rejected_execution_exception"
		}
		return http.StatusCreated, ""
	}
	out, log := start(t, d, "Retry_Budget 0s")
	chunk := chunkOf(10, false, "a")
	if out.Flush("kube.a", chunk) || d.in("eks-log") != 9 {
		t.Fatalf("%d documents, want 9 and the chunk kept\n%s", d.in("eks-log"), log)
	}
	busy = false
	if !out.Flush("kube.a", chunk) || d.in("eks-log") != 10 {
		t.Fatalf("%d documents, want 10\n%s", d.in("eks-log"), log)
	}
	if last := d.requests[len(d.requests)-1]; last != 1 {
		t.Errorf("the chunk that came back was sent with %d items", last)
	}
}
