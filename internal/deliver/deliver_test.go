package deliver

import (
	"bufio"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/logging"
)

// domain is a bulk endpoint that stores documents by index and id, and answers as its judge says.
type domain struct {
	*httptest.Server
	mu       sync.Mutex
	stored   map[string]string // index and id → document
	requests []int             // items of each request
	refuse   func(r *http.Request, body []byte) (status int, answer string)
	judge    func(index, doc string) (status int, errorType string)
	breaks   int // that many answers are cut off, after the documents were stored
	autoID   int
	mget     bool // documents may be read
	// versions are those of the documents that came with one; createOnly takes none of those.
	versions   map[string]int
	createOnly bool
	pipes      *pipes
}

func newDomain(t *testing.T) *domain {
	d := &domain{stored: map[string]string{}, versions: map[string]int{}}
	d.Server = httptest.NewServer(d)
	t.Cleanup(d.Close)
	return d
}

func (d *domain) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var in io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			panic(err)
		}
		z.Multistream(false) // as netty does
		in = z
	}
	body, _ := io.ReadAll(in)
	if d.refuse != nil {
		if status, answer := d.refuse(r, body); status != 0 {
			d.requests = append(d.requests, -status)
			w.WriteHeader(status)
			_, _ = io.WriteString(w, answer)
			return
		}
	}
	if index, ok := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/_mget"); ok {
		d.answerGets(w, index, body)
		return
	}
	path := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, "/"), "/_bulk")
	var items []string
	failed := false
	lines := bufio.NewScanner(strings.NewReader(string(body)))
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var action map[string]struct {
			Index string `json:"_index"`
			ID    string `json:"_id"`

			Version     int    `json:"version"`
			VersionType string `json:"version_type"`
		}
		if err := json.Unmarshal(lines.Bytes(), &action); err != nil {
			panic(err)
		}
		lines.Scan()
		for op, a := range action {
			index := a.Index
			if index == "" {
				index = path
			}
			if a.ID == "" {
				d.autoID++
				a.ID = fmt.Sprint("auto-", d.autoID)
			}
			status, errorType := 201, ""
			if d.judge != nil {
				status, errorType = d.judge(index, lines.Text())
			}
			key := index + "/" + a.ID
			if _, there := d.stored[key]; there && status == 201 && op == "create" {
				status, errorType = 409, "version_conflict_engine_exception"
			}
			reason := "because"
			switch _, there := d.stored[key]; {
			case a.Version == 0:
			case d.createOnly:
				status, errorType, reason = 400, "illegal_argument_exception",
					"only write ops with an op_type of create are allowed in data streams"
			case op != "index" || a.VersionType != "external":
				panic("a version that is not external: " + op)
			case status == 201 && there && a.Version <= max(d.versions[key], 1):
				status, errorType = 409, "version_conflict_engine_exception"
				reason = fmt.Sprintf("[%s]: version conflict, current version [%d] is higher or "+
					"equal to the one provided [%d]", a.ID, d.versions[key], a.Version)
			case status == 201:
				d.versions[key] = a.Version
			}
			if status == 201 {
				d.stored[key] = lines.Text()
				items = append(items, fmt.Sprintf(`{"%s":{"status":201}}`, op))
			} else {
				failed = true
				items = append(items, fmt.Sprintf(`{"%s":{"status":%d,"error":{"type":%q,"reason":%q}}}`, op, status, errorType, reason))
			}
		}
	}
	d.requests = append(d.requests, len(items))
	if d.breaks > 0 {
		d.breaks--
		panic(http.ErrAbortHandler)
	}
	_, _ = fmt.Fprintf(w, `{"errors":%v,"items":[%s]}`, failed, strings.Join(items, ","))
}

// answerGets answers a multi-get of an index.
func (d *domain) answerGets(w http.ResponseWriter, index string, body []byte) {
	if !d.mget {
		w.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(w, `{"error":{"type":"security_exception","reason":"no permissions for [indices:data/read/mget] and User [name=x]"},"status":403}`)
		return
	}
	var gets struct {
		Docs []struct {
			ID string `json:"_id"`
		} `json:"docs"`
	}
	if err := json.Unmarshal(body, &gets); err != nil {
		panic(err)
	}
	var docs []string
	for _, get := range gets.Docs {
		doc := `{"found":false}`
		if stored, ok := d.stored[index+"/"+get.ID]; ok {
			doc = `{"found":true,"_source":` + stored + `}`
		}
		docs = append(docs, doc)
	}
	_, _ = fmt.Fprintf(w, `{"docs":[%s]}`, strings.Join(docs, ","))
}

// in counts the documents of an index.
func (d *domain) in(index string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := 0
	for key := range d.stored {
		if strings.HasPrefix(key, index+"/") {
			n++
		}
	}
	return n
}

type lines struct {
	mu   sync.Mutex
	text []string
}

func (l *lines) sink(level logging.Level, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text = append(l.text, level.String()+" "+line)
}

func (l *lines) count(part string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := 0
	for _, line := range l.text {
		if strings.Contains(line, part) {
			n++
		}
	}
	return n
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.text, "\n")
}

// start makes a Deliverer for a domain; options are "Name value".
func start(t *testing.T, d *domain, options ...string) (*Deliverer, *lines) {
	t.Helper()
	given := map[string]string{"endpoint": d.URL, "aws_auth": "Off", "index": "eks-log",
		"retry_budget": "300ms"}
	for _, o := range options {
		name, value, _ := strings.Cut(o, " ")
		given[strings.ToLower(name)] = value
	}
	cfg, err := config.Load(func(name string) string { return given[strings.ToLower(name)] },
		func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if d.pipes != nil {
		cfg.Dial = d.pipes.dial
	}
	log := &lines{}
	out, err := New(cfg, logging.New(log.sink, logging.Debug, "test"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if out.ctx.Err() == nil { // the test has not closed it
			out.Close()
		}
	})
	return out, log
}

// chunkOf makes a chunk of n numbered lines as Fluent Bit 5 does. Their times are nanoseconds
// apart, or whole seconds.
func chunkOf(n int, coarse bool, text string) []byte {
	var b []byte
	for i := range n {
		nsec := uint32(1_000_001 + i)
		if coarse {
			nsec = 0
		}
		b = msgp.AppendArrayHeader(b, 2)
		b = msgp.AppendArrayHeader(b, 2)
		b = append(b, 0xd7, 0, 0x69, 0x4a, 0x11, 0x22, byte(nsec>>24), byte(nsec>>16),
			byte(nsec>>8), byte(nsec))
		b = msgp.AppendMapHeader(b, 0)
		b = msgp.AppendMapHeader(b, 1)
		b = msgp.AppendString(b, "log")
		b = msgp.AppendString(b, fmt.Sprintf("%s LINE=%d", text, i))
	}
	return b
}

func TestFlushStoresEachRecordOnce(t *testing.T) {
	for _, options := range [][]string{nil, {"Max_Request_Size 64K"}, {"Write_Operation index"}} {
		d := newDomain(t)
		out, log := start(t, d, options...)
		chunk := chunkOf(3000, false, "hello")
		for range 2 {
			if !out.Flush("kube.a", chunk) {
				t.Fatalf("%q: not settled\n%s", options, log)
			}
		}
		if d.in("eks-log") != 3000 {
			t.Fatalf("%q: %d documents, want 3000", options, d.in("eks-log"))
		}
	}
}

func TestFlushSendsOnlyWhatFailedAgain(t *testing.T) {
	d := newDomain(t)
	refused := map[string]bool{}
	d.judge = func(_, doc string) (int, string) {
		if strings.Contains(doc, `7"`) && !refused[doc] {
			refused[doc] = true
			return 429, "es_rejected_execution_exception"
		}
		return 201, ""
	}
	out, log := start(t, d, "Retry_Budget 5s")
	if !out.Flush("t", chunkOf(1000, false, "x")) || d.in("eks-log") != 1000 {
		t.Fatalf("%d documents\n%s", d.in("eks-log"), log)
	}
	if len(d.requests) != 2 || d.requests[0] != 1000 || d.requests[1] != 100 {
		t.Fatalf("requests of %v items, want 1000 and 100", d.requests)
	}
	if log.count("error") != 1 || log.count("delivery recovered") != 1 {
		t.Fatalf("one delivery error and its end expected:\n%s", log)
	}
}

func TestChunkThatComesBackSendsOnlyTheRest(t *testing.T) {
	for _, ids := range []string{"On", "Off"} {
		d := newDomain(t)
		blocked := true
		d.judge = func(_, doc string) (int, string) {
			if blocked && strings.Contains(doc, `7"`) {
				return 403, "cluster_block_exception"
			}
			return 201, ""
		}
		out, log := start(t, d, "Generate_ID "+ids)
		chunk := chunkOf(100, true, "x")
		if out.Flush("t", chunk) {
			t.Fatal("settled although records were refused")
		}
		before := len(d.requests)
		blocked = false
		if !out.Flush("t", chunk) {
			t.Fatalf("not settled\n%s", log)
		}
		if d.in("eks-log") != 100 || len(d.requests) != before+1 || d.requests[before] != 10 {
			t.Fatalf("ids %s: %d documents, requests %v", ids, d.in("eks-log"), d.requests)
		}
		if remembered := map[string]int{"On": 1, "Off": 0}[ids]; out.ledger.size() != remembered {
			t.Fatalf("ids %s: the ledger holds %d chunks, want %d: only ids need "+
				"the number of a coarse one", ids, out.ledger.size(), remembered)
		}
	}
}

// TestConnectionBreaksAfterTheRequest is the outcome that nobody knows: the documents are stored,
// and the answer is lost. Ids make the second arrival a conflict; without them it is stored again,
// which is better than lost.
func TestConnectionBreaksAfterTheRequest(t *testing.T) {
	for ids, want := range map[string]int{"On": 100, "Off": 200} {
		d := newDomain(t)
		d.breaks = 1
		out, log := start(t, d, "Generate_ID "+ids, "Retry_Budget 10s")
		if !out.Flush("t", chunkOf(100, false, "x")) || d.in("eks-log") != want ||
			len(d.requests) != 2 {
			t.Fatalf("ids %s: %d documents, want %d, requests %v\n%s", ids, d.in("eks-log"), want,
				d.requests, log)
		}
	}
}

func TestEqualChunksAreNewLines(t *testing.T) {
	d := newDomain(t)
	out, _ := start(t, d)
	fine, coarse := chunkOf(10, false, "x"), chunkOf(10, true, "x")
	for _, chunk := range [][]byte{fine, coarse, fine, coarse} {
		if !out.Flush("t", chunk) {
			t.Fatal("not settled")
		}
	}
	if d.in("eks-log") != 10+20 {
		t.Fatalf("%d documents, want the fine ones once and the coarse ones twice", d.in("eks-log"))
	}
}

func TestLargeRequestIsHalved(t *testing.T) {
	d := newDomain(t)
	d.refuse = func(_ *http.Request, body []byte) (int, string) {
		if len(body) > 100_000 {
			return 413, `{"Message":"Request size exceeded 100000 bytes"}`
		}
		return 0, ""
	}
	out, log := start(t, d)
	if !out.Flush("t", chunkOf(5000, false, "some text")) || d.in("eks-log") != 5000 {
		t.Fatalf("%d documents\n%s", d.in("eks-log"), log)
	}
	refused := len(d.requests)
	if !out.Flush("u", chunkOf(5000, false, "some text")) {
		t.Fatal("not settled")
	}
	for _, n := range d.requests[refused:] {
		if n < 0 {
			t.Fatalf("the bound was not kept: %v", d.requests[refused:])
		}
	}
}

func TestOneDocumentTooLargeIsADeadLetter(t *testing.T) {
	d := newDomain(t)
	d.refuse = func(_ *http.Request, body []byte) (int, string) {
		if len(body) > 100_000 { // whatever it is for
			return 413, `{"Message":"Request size exceeded 100000 bytes"}`
		}
		return 0, ""
	}
	out, log := start(t, d)
	chunk := append(chunkOf(10, false, "x"), chunkOf(1, false, strings.Repeat("y", 200_000))...)
	if !out.Flush("t", chunk) || d.in("eks-log") != 10 || d.in("eks-log-dead-letter") != 1 {
		t.Fatalf("%d documents, %d dead letters\n%s", d.in("eks-log"), d.in("eks-log-dead-letter"), log)
	}
	for key, doc := range d.stored {
		if strings.HasPrefix(key, "eks-log-dead-letter/") &&
			!strings.Contains(doc, `"truncated":true`) {
			t.Fatalf("a dead letter that was cut does not say so: %.200s", doc)
		}
	}
}

// TestManyRejectedDocumentsBecomeDeadLetters has dead letters that are larger together than the
// domain takes, since each is longer than its document.
func TestManyRejectedDocumentsBecomeDeadLetters(t *testing.T) {
	d := newDomain(t)
	d.refuse = func(_ *http.Request, body []byte) (int, string) {
		if len(body) > 1<<20 {
			return 413, `{"Message":"Request size exceeded 1048576 bytes"}`
		}
		return 0, ""
	}
	d.judge = func(index, _ string) (int, string) {
		if index == "eks-log" {
			return 400, "mapper_parsing_exception"
		}
		return 201, ""
	}
	out, log := start(t, d, "Retry_Budget 10s")
	if !out.Flush("t", chunkOf(3000, false, strings.Repeat("y", 600))) ||
		d.in("eks-log-dead-letter") != 3000 {
		t.Fatalf("%d dead letters\n%s", d.in("eks-log-dead-letter"), log)
	}
}

func TestOneMalformedDocumentIsFoundByHalves(t *testing.T) {
	d := newDomain(t)
	d.refuse = func(r *http.Request, body []byte) (int, string) {
		if strings.Contains(string(body), "LINE=777\"") &&
			strings.Contains(r.URL.Path, "eks-log/") {
			return 400, `{"error":{"type":"parse_exception","reason":"cannot read the request"},"status":400}`
		}
		return 0, ""
	}
	out, log := start(t, d, "Retry_Budget 30s")
	if !out.Flush("t", chunkOf(1000, false, "x")) || d.in("eks-log") != 999 ||
		d.in("eks-log-dead-letter") != 1 {
		t.Fatalf("%d documents, %d dead letters\n%s", d.in("eks-log"), d.in("eks-log-dead-letter"), log)
	}
	if len(d.requests) > 45 { // twice ten halvings, since what is refused alone is tried twice
		t.Fatalf("%d requests", len(d.requests))
	}
}

func reject(_, doc string) (int, string) {
	if strings.Contains(doc, `5"`) && !strings.Contains(doc, `"record"`) {
		return 400, "mapper_parsing_exception"
	}
	return 201, ""
}

func TestRejectedRecordsGoToTheDeadLetterIndex(t *testing.T) {
	d := newDomain(t)
	d.judge = reject
	out, log := start(t, d, "Index eks-log-%Y.%m.%d")
	if !out.Flush("kube.a", chunkOf(20, false, "x")) {
		t.Fatal("not settled")
	}
	if d.in("eks-log-2025.12.23") != 18 || d.in("eks-log-2025.12.23-dead-letter") != 2 {
		t.Fatalf("%v\n%s", d.stored, log)
	}
	for key, doc := range d.stored {
		if !strings.Contains(key, "dead-letter") {
			continue
		}
		var letter map[string]any
		if err := json.Unmarshal([]byte(doc), &letter); err != nil {
			t.Fatal(err)
		}
		var record map[string]any
		if err := json.Unmarshal([]byte(letter["record"].(string)), &record); err != nil ||
			!strings.HasPrefix(record["log"].(string), "x LINE=") {
			t.Fatalf("the record is not whole: %s", doc)
		}
		if letter["type"] != "mapper_parsing_exception" || letter["reason"] != "because" ||
			letter["status"] != 400.0 || letter["tag"] != "kube.a" ||
			letter["index"] != "eks-log-2025.12.23" || letter["attempts"] != 1.0 ||
			!strings.HasPrefix(letter["@timestamp"].(string), "2025-12-23T") {
			t.Fatalf("%s", doc)
		}
	}
	if log.count("in the dead letters with mapper_parsing_exception") != 1 {
		t.Fatalf("%s", log)
	}
}

func TestChunkIsKeptWhenDeadLettersCannotBeWritten(t *testing.T) {
	d := newDomain(t)
	down := true
	d.judge = func(index, doc string) (int, string) {
		if strings.Contains(index, "dead") && down {
			return 403, "security_exception"
		}
		return reject(index, doc)
	}
	out, log := start(t, d)
	chunk := chunkOf(20, false, "x")
	if out.Flush("t", chunk) {
		t.Fatal("settled although the dead letters are not written")
	}
	if log.count("cannot write dead letters to Dead_Letter_Index eks-log-dead-letter") != 1 {
		t.Fatalf("%s", log)
	}
	down = false
	if !out.Flush("t", chunk) || d.in("eks-log-dead-letter") != 2 ||
		log.count("writing dead letters recovered") != 1 {
		t.Fatalf("%d dead letters\n%s", d.in("eks-log-dead-letter"), log)
	}
	if got := d.requests[len(d.requests)-2:]; got[0] != 2 || got[1] != 2 {
		t.Fatalf("the second flush sent more than the rest: %v", d.requests)
	}
}

func TestRecordsBringTheirIDs(t *testing.T) {
	d := newDomain(t)
	out, log := start(t, d, "Id_Key log", "Routing_Key $log", "Pipeline $TAG[0]")
	d.refuse = func(_ *http.Request, body []byte) (int, string) {
		if !strings.Contains(string(body),
			`"_id":"x LINE=0","routing":"x LINE=0","pipeline":"kube"`) {
			return 500, string(body[:100])
		}
		return 0, ""
	}
	if !out.Flush("kube.a", chunkOf(3, false, "x")) || d.stored["eks-log/x LINE=2"] == "" {
		t.Fatalf("%v\n%s", d.stored, log)
	}
}

func TestUpdateWithoutAnIDIsADeadLetter(t *testing.T) {
	d := newDomain(t)
	out, log := start(t, d, "Id_Key $missing", "Write_Operation update")
	if !out.Flush("t", chunkOf(2, false, "x")) || d.in("eks-log-dead-letter") != 2 ||
		d.in("eks-log") != 0 {
		t.Fatalf("%v\n%s", d.stored, log)
	}
	if log.count("in the dead letters with id_missing") != 1 {
		t.Fatalf("%s", log)
	}
}

func TestRecordWithoutTheIndexKeyGoesToFallback(t *testing.T) {
	d := newDomain(t)
	out, log := start(t, d, "Index k8s-$kubernetes['namespace_name']",
		"Fallback_Index eks-log-other")
	if !out.Flush("kube.a", chunkOf(5, false, "x")) || d.in("eks-log-other") != 5 {
		t.Fatalf("%v\n%s", d.stored, log)
	}
	if log.count("such records go to Fallback_Index, now eks-log-other") != 1 {
		t.Fatalf("%s", log)
	}
}

func TestDamagedChunkDeliversWhatIsBeforeTheDamage(t *testing.T) {
	whole := chunkOf(5, false, "x")
	for _, c := range []struct {
		name string
		cut  []byte
	}{{"truncated", whole[:len(whole)-3]}, {"garbage behind",
		append(append([]byte{}, whole...), 0xc1, 0xff, 0x00)}} {
		d := newDomain(t)
		path := filepath.Join(t.TempDir(), "dead.jsonl")
		out, log := start(t, d, "Dead_Letter_Path "+path)
		if !out.Flush("kube.a", c.cut) {
			t.Fatalf("%s: not settled\n%s", c.name, log)
		}
		line, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var letter map[string]any
		if err := json.Unmarshal(line, &letter); err != nil {
			t.Fatalf("%s: %v in %s", c.name, err, line)
		}
		raw, _ := base64.StdEncoding.DecodeString(letter["record_msgpack"].(string))
		good := d.in("eks-log")
		if rest := c.cut[good*len(whole)/5:]; string(raw) != string(rest) {
			t.Fatalf("%s: %d good records, the letter holds %q, want %q", c.name, good, raw, rest)
		}
		if log.count("a chunk of tag kube.a is damaged: corrupt chunk at byte") != 1 || good < 4 {
			t.Fatalf("%s: %d delivered\n%s", c.name, good, log)
		}
	}
}

func TestUnbuildableRecordIsADeadLetterAlone(t *testing.T) {
	d := newDomain(t)
	out, log := start(t, d)
	head := chunkOf(1, false, "x")[:13]
	bad := msgp.AppendString(append([]byte{}, head...), "a body that is no map")
	chunk := append(append(chunkOf(2, false, "a"), bad...), chunkOf(3, false, "b")...)
	if !out.Flush("t", chunk) || d.in("eks-log") != 5 || d.in("eks-log-dead-letter") != 1 {
		t.Fatalf("%d documents, %d dead letters\n%s", d.in("eks-log"), d.in("eks-log-dead-letter"), log)
	}
}

func TestUnreachableDomainKeepsTheChunkAndSaysSoOnce(t *testing.T) {
	d := newDomain(t)
	d.Close()
	out, log := start(t, d)
	for range 3 {
		if out.Flush("t", chunkOf(10, false, "x")) {
			t.Fatal("settled")
		}
	}
	if log.count("error") != 1 || log.count("check host and port of Endpoint") != 1 {
		t.Fatalf("%s", log)
	}
}

func TestCloseEndsAFlushUnderWay(t *testing.T) {
	d := newDomain(t)
	arrived := make(chan struct{})
	d.refuse = func(r *http.Request, _ []byte) (int, string) {
		close(arrived)
		<-r.Context().Done()
		return 503, ""
	}
	out, log := start(t, d, "Retry_Budget 1m")
	settled := make(chan bool)
	go func() { settled <- out.Flush("t", chunkOf(10, false, "x")) }()
	<-arrived
	out.Close()
	if <-settled {
		t.Fatalf("settled\n%s", log)
	}
}

func TestInstancesLeaveNoGoroutine(t *testing.T) {
	d := newDomain(t)
	before := runtime.NumGoroutine()
	for range 20 {
		given := map[string]string{"Endpoint": d.URL, "AWS_Auth": "Off"}
		cfg, err := config.Load(func(name string) string { return given[name] },
			func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		out, err := New(cfg, logging.New(func(logging.Level, string) {}, logging.Error, "t"))
		if err != nil {
			t.Fatal(err)
		}
		out.Flush("t", chunkOf(10, false, "x"))
		out.Close()
	}
	d.CloseClientConnections()
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before+3 && time.Now().Before(deadline) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > before+3 {
		t.Fatalf("%d goroutines before, %d after", before, n)
	}
}

func TestFlushSideBySide(t *testing.T) {
	d := newDomain(t)
	out, _ := start(t, d, "Compress none")
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 5 {
				if !out.Flush(fmt.Sprintf("t%d", w), chunkOf(200, false, fmt.Sprint(i))) {
					t.Error("not settled")
				}
			}
		})
	}
	wg.Wait()
	if d.in("eks-log") != 8*5*200 {
		t.Fatalf("%d documents", d.in("eks-log"))
	}
}
