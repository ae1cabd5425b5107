package deliver

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"out_opensearch_irsa/internal/metrics"
	"out_opensearch_irsa/test/fixtures/ports"
)

func freePort(t *testing.T) string {
	t.Helper()
	port, err := ports.Free()
	if err != nil {
		t.Fatal(err)
	}
	return "127.0.0.1:" + port
}

func get(t *testing.T, url string) string {
	t.Helper()
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, _ := io.ReadAll(res.Body)
	return string(text)
}

// openIn counts this process's descriptors of files in a folder; -1 where there is no telling.
func openIn(dir string) (n int) {
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return -1
	}
	for _, fd := range all {
		if name, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil &&
			strings.HasPrefix(name, dir) {
			n++
		}
	}
	return n
}

// TestInstanceGivesBackWhatItHolds is about what is the process's, which goes on after a hot
// reload: its memory limit, a port, a file, and the metrics.
func TestInstanceGivesBackWhatItHolds(t *testing.T) {
	limit := debug.SetMemoryLimit(-1)
	dir, address := t.TempDir(), freePort(t)
	d := newDomain(t)
	d.judge = reject
	out, log := start(t, d, "Metrics_Listen "+address, "Memory_Limit 300M",
		"Dead_Letter_Path "+filepath.Join(dir, "dead.jsonl"))
	if !out.Flush("t", chunkOf(20, false, "x")) {
		t.Fatalf("not settled\n%s", log)
	}
	text := get(t, "http://"+address+"/metrics")
	for _, line := range []string{`documents_stored_total{output="test"} 18`,
		`documents_rejected_total{output="test",type="mapper_parsing_exception"} 2`} {
		if !strings.Contains(text, "opensearch_irsa_"+line) {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
	if os.Getenv("GOMEMLIMIT") == "" && debug.SetMemoryLimit(-1) != 300<<20 {
		t.Errorf("a memory limit of %d bytes", debug.SetMemoryLimit(-1))
	}
	if n := openIn(dir); n == 0 {
		t.Error("the dead letters' file is not open")
	}
	out.Close()
	if now := debug.SetMemoryLimit(-1); now != limit {
		t.Errorf("the memory limit was %d bytes and is %d", limit, now)
	}
	if n := openIn(dir); n > 0 {
		t.Errorf("%d files are open", n)
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	_ = l.Close()
	other := freePort(t)
	stop, err := metrics.Listen(other)
	if err != nil {
		t.Fatal(err)
	}
	defer stop()
	if text := get(t, "http://"+other+"/metrics"); strings.Contains(text, `output="test"`) {
		t.Errorf("an output that has ended has metrics:\n%s", text)
	}
}

// TestCloseEndsItsConnections has the domain see that.
func TestCloseEndsItsConnections(t *testing.T) {
	closed := make(chan struct{}, 10)
	server := httptest.NewUnstartedServer(newDomain(t))
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateClosed {
			closed <- struct{}{}
		}
	}
	server.Start()
	defer server.Close()
	out, log := start(t, newDomain(t), "Endpoint "+server.URL)
	if !out.Flush("t", chunkOf(5, false, "x")) {
		t.Fatalf("not settled\n%s", log)
	}
	out.Close()
	select {
	case <-closed:
	case <-time.After(20 * time.Second):
		t.Fatal("the connection stays")
	}
}

// TestCloseEndsARenewal has the node's agent not answer.
func TestCloseEndsARenewal(t *testing.T) {
	podIdentity(t)
	synctest.Test(t, func(t *testing.T) {
		d := newDoor(t)
		ended := false
		d.credentials = func(r *http.Request) {
			<-r.Context().Done()
			ended = true
		}
		out, log := start(t, d.domain, append(signed, "AWS_Credentials pod_identity")...)
		settled := make(chan bool)
		go func() { settled <- out.Flush("t", chunkOf(5, false, "x")) }()
		synctest.Wait()
		out.Close()
		synctest.Wait()
		if !ended || <-settled || time.Since(d.began) != 0 {
			t.Fatalf("the renewal has ended: %v, after %s\n%s", ended, time.Since(d.began), log)
		}
	})
}

// TestStartIsDescribed is about the lines that an instance starts with.
func TestStartIsDescribed(t *testing.T) {
	f := func(options []string, lines ...string) {
		t.Helper()
		_, log := start(t, newDomain(t), options...)
		for _, line := range lines {
			if log.count(line) != 1 {
				t.Errorf("%q: no line %q in\n%s", options, line, log)
			}
		}
	}
	f(nil, "info [test] version ", ", index eks-log, no authentication; uncompressed, requests "+
		"up to 5242880 bytes, 25s for each; dead letters to Dead_Letter_Index eks-log-dead-letter")
	path := filepath.Join(t.TempDir(), "dead.jsonl")
	f([]string{"Path /base", "HTTP_User admin", "HTTP_Passwd secret", "Compress gzip",
		"Dead_Letter_Path " + path, "Max_Request_Size 1M", "Request_Timeout 7s"},
		"/base, index eks-log, as user admin; gzip, requests up to 1048576 bytes, 7s for each; "+
			"dead letters to Dead_Letter_Path "+path)
	f([]string{"Endpoint https://localhost:1", "TLS_Verify Off", "Buffer_Size 64K"},
		"warn [test] TLS_Verify Off: ", "debug [test] these options have no effect here: Buffer_Size")
	taken := httptest.NewServer(nil)
	defer taken.Close()
	f([]string{"Metrics_Listen " + strings.TrimPrefix(taken.URL, "http://")},
		"warn [test] cannot listen at Metrics_Listen ", "Delivery goes on without")
	t.Setenv("AWS_ACCESS_KEY_ID", "FIXED")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	f([]string{"AWS_Auth On", "AWS_Region eu-west-1", "AWS_Credentials environment"},
		", signed for es in eu-west-1; ")
}

// TestTraceOutput has the requests on the standard output, before they are compressed.
func TestTraceOutput(t *testing.T) {
	for option, want := range map[string]int{"On": 1, "Off": 0} {
		d := newDomain(t)
		out, log := start(t, d, "Trace_Output "+option, "Compress gzip", "Pipeline clean",
			"Path /base")
		stdout := os.Stdout
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		os.Stdout = w
		out.Flush("t", chunkOf(5, false, "x"))
		os.Stdout = stdout
		_ = w.Close()
		text, _ := io.ReadAll(r)
		if strings.Count(string(text),
			"POST "+d.URL+"/base index=eks-log pipeline=clean\n{\"create\":{") != want ||
			strings.Count(string(text), `"log":"x LINE=`) != 5*want {
			t.Errorf("Trace_Output %s: %q\n%s", option, text, log)
		}
	}
}

// TestDeadLettersAreCounted has an index for them that takes none at first.
func TestDeadLettersAreCounted(t *testing.T) {
	d := newDomain(t)
	down := true
	d.judge = func(index, doc string) (int, string) {
		if down && strings.Contains(index, "dead") {
			return 403, "security_exception"
		}
		return reject(index, doc)
	}
	out, log := start(t, d, "Retry_Budget 0s")
	chunk := chunkOf(20, false, "x")
	f := func(written, failed uint64) {
		t.Helper()
		if stored := out.counts.Stored.Get(); stored != 18+written { // dead letters are documents too
			t.Errorf("%d documents are counted as stored", stored)
		}
		if c := out.counts; c.DeadLetters.Get() != written || c.DeadLettersFailed.Get() != failed {
			t.Errorf("%d written, %d attempts failed; want %d and %d\n%s", c.DeadLetters.Get(),
				c.DeadLettersFailed.Get(), written, failed, log)
		}
	}
	if out.Flush("t", chunk) || out.counts.Kept.Get() != 1 || out.counts.Settled.Get() != 0 {
		t.Fatalf("settled, or not counted\n%s", log)
	}
	f(0, 1)
	down = false
	out.breaker.next = time.Time{} // the time has passed
	if !out.Flush("t", chunk) || out.counts.Kept.Get() != 1 || out.counts.Settled.Get() != 1 {
		t.Fatalf("not settled, or not counted\n%s", log)
	}
	f(2, 1)
}
