package main

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"
)

const twoDocuments = `{"create":{"_id":"a"}}` + "\n{\"a\":1}\n" + `{"create":{"_id":"b"}}` +
	"\n{\"a\":2}\n"

func TestSinkAnswersAsFilterPathAsks(t *testing.T) {
	f := func(query, want string) {
		t.Helper()
		s := &sink{pool: sync.Pool{New: func() any { return new(exchange) }}}
		answer := httptest.NewRecorder()
		s.handler().ServeHTTP(answer, httptest.NewRequest(http.MethodPost, "/eks-log/_bulk"+query,
			bytes.NewReader([]byte(twoDocuments))))
		if got := answer.Body.String(); got != want {
			t.Errorf("%q: the answer is %s, not %s", query, got, want)
		}
		if !json.Valid(answer.Body.Bytes()) {
			t.Errorf("%q: the answer is no JSON", query)
		}
	}
	f("?filter_path=errors,items.*.status,items.*.error",
		`{"errors":false,"items":[{"create":{"status":201}},{"create":{"status":201}}]}`)
	item := func(n string) string {
		return `{"create":{"_index":"eks-log","_id":"pQx0XpMBq8b2bJ2y0000` + n +
			`","_version":1,"result":"created",` +
			`"_shards":{"total":2,"successful":1,"failed":0},"_seq_no":` + n +
			`,"_primary_term":1,"status":201}}`
	}
	f("", `{"took":17,"errors":false,"items":[`+item("0")+","+item("1")+"]}")
}

func TestSinkCounts(t *testing.T) {
	s := &sink{pool: sync.Pool{New: func() any { return new(exchange) }}}
	var wire bytes.Buffer
	w := gzip.NewWriter(&wire)
	_, _ = w.Write([]byte(twoDocuments))
	_ = w.Close()
	request := httptest.NewRequest(http.MethodPost, "/_bulk", bytes.NewReader(wire.Bytes()))
	request.Header.Set("Content-Encoding", "gzip")
	s.handler().ServeHTTP(httptest.NewRecorder(), request)
	s.handler().ServeHTTP(httptest.NewRecorder(),
		httptest.NewRequest(http.MethodPost, "/_bulk", bytes.NewReader([]byte(twoDocuments))))
	got := s.counts
	if got.Requests != 2 || got.Documents != 4 || got.Body != int64(2*len(twoDocuments)) ||
		got.Wire != int64(wire.Len()+len(twoDocuments)) {
		t.Errorf("the sink counted %+v", got)
	}
}

func TestMiddle(t *testing.T) {
	f := func(of []float64, want float64) {
		t.Helper()
		if got := middle(of); got != want {
			t.Errorf("the median is %v, not %v", got, want)
		}
	}
	f(nil, 0)
	f([]float64{3}, 3)
	f([]float64{9, 1, 5}, 5)
	f([]float64{4, 1, 2, 9}, 3)
}

func TestPackageOf(t *testing.T) {
	f := func(symbol, want string) {
		t.Helper()
		if got := packageOf(symbol); got != want {
			t.Errorf("%q is of package %q, not %q", symbol, got, want)
		}
	}
	f("net/http.(*Transport).roundTrip", "net/http")
	f("runtime.mallocgc", "runtime")
	f("github.com/aws/aws-sdk-go-v2/service/sts.New", "github.com/aws/aws-sdk-go-v2/service/sts")
	f("slices.SortFunc[go.shape.[]string,go.shape.string]", "slices")
}
