package metrics

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
)

func shown() string {
	var b bytes.Buffer
	write(&b)
	return b.String()
}

func TestMetricsAreWhatPrometheusExpects(t *testing.T) {
	a, b := Open("opensearch_irsa.0", "v1"), Open(`al"ias`, "v1")
	defer a.Close()
	defer b.Close()
	a.Attach(&Live{InFlight: func() int { return 2 }, Limit: func() float64 { return 7 },
		Ledger:  func() int { return 3 },
		Expires: func() time.Time { return time.Unix(1795444272, 0) }})
	a.Received(10, 1000)
	a.Stored.Add(9)
	a.Request("200", 30*time.Millisecond, 5000)
	a.Request("timeout", 25*time.Second, 5000)
	a.Rejected("mapper_parsing_exception")
	a.RecordSuccess()
	b.Received(1, 1)
	text := shown()
	problems, err := promlint.New(strings.NewReader(text)).Lint()
	if err != nil || len(problems) > 0 {
		t.Fatalf("%v %v\n%s", problems, err, text)
	}
	for _, want := range []string{
		`opensearch_irsa_records_total{output="opensearch_irsa.0"} 10`,
		`opensearch_irsa_records_total{output="al\"ias"} 1`,
		`opensearch_irsa_documents_stored_total{output="opensearch_irsa.0"} 9`,
		`opensearch_irsa_requests_total{output="opensearch_irsa.0",status="timeout"} 1`,
		`opensearch_irsa_documents_rejected_total{output="opensearch_irsa.0",type="mapper_parsing_exception"} 1`,
		`opensearch_irsa_requests_in_flight{output="opensearch_irsa.0"} 2`,
		`opensearch_irsa_requests_in_flight_limit{output="opensearch_irsa.0"} 7`,
		`opensearch_irsa_credentials_expiry_timestamp_seconds{output="opensearch_irsa.0"} 1795444272`,
		`opensearch_irsa_request_duration_seconds_bucket{output="opensearch_irsa.0",le="0.05"} 1`,
		`opensearch_irsa_build_info{output="opensearch_irsa.0",version="v1",goversion="go`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
}

func TestMetricsEndWithTheLastInstance(t *testing.T) {
	old := Open("x", "v1")
	old.Received(5, 5)
	reloaded := Open("x", "v1")
	old.Close()
	if !strings.Contains(shown(), `records_total{output="x"} 5`) {
		t.Fatal("a reload lost the counts")
	}
	reloaded.Close()
	if text := shown(); strings.Contains(text, `"x"`) {
		t.Fatalf("an output that ended is still shown:\n%s", text)
	}
}

func TestListenIsSharedAndEnds(t *testing.T) {
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := socket.Addr().String()
	if _, err := Listen(address); err == nil ||
		!strings.Contains(err.Error(), "name a free host:port") {
		t.Fatalf("a port in use: %v", err)
	}
	if err := socket.Close(); err != nil {
		t.Fatal(err)
	}
	first, err := Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	second, err := Listen(address)
	if err != nil {
		t.Fatal(err)
	}
	o := Open("y", "v1")
	defer o.Close()
	get := func(path string) (int, string) {
		res, err := http.Get("http://" + address + path)
		if err != nil {
			return 0, err.Error()
		}
		defer func() { _ = res.Body.Close() }()
		body, _ := io.ReadAll(res.Body)
		return res.StatusCode, string(body)
	}
	first()
	first() // once counts
	if status, body := get("/metrics"); status != 200 || !strings.Contains(body, `output="y"`) {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := get("/healthz"); status != 200 || body != "ok\n" {
		t.Fatalf("%d %s", status, body)
	}
	now := time.Now()
	o.lastIn.Store(now.UnixNano())
	o.lastSuccess.Store(now.Add(-2 * idleAfter).UnixNano())
	if status, body := get("/healthz"); status != 503 ||
		!strings.Contains(body, "none was accepted: y") {
		t.Fatalf("%d %s", status, body)
	}
	o.RecordSuccess()
	if status, _ := get("/healthz"); status != 200 {
		t.Fatalf("still %d after a success", status)
	}
	second()
	if status, _ := get("/metrics"); status != 0 {
		t.Fatal("it still listens after the last output has left")
	}
}
