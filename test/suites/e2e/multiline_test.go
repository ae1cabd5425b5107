package e2e

import (
	"encoding/binary"
	"fmt"
	"net/http"
	"sort"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/deliver"
	"out_opensearch_irsa/internal/logging"
)

// TestTraceReadAgain has a stack trace come twice, in other pieces, in each order: the real server
// keeps the document with the most lines, and a data stream, which replaces nothing, has each.
func TestTraceReadAgain(t *testing.T) {
	if unmet != "" {
		t.Skip(unmet)
	}
	t.Parallel()
	stream := `{"index_patterns":["eks-log-trace-stream*"],"data_stream":{},"priority":500}`
	if status, answer, err := world.OpenSearch.Do(t.Context(), http.MethodPut,
		"/_index_template/trace-stream", stream); err != nil || status != 200 {
		t.Fatalf("%d %s %v", status, answer, err)
	}
	single, short := []string{"xException: a"}, []string{"xException: a", "\tat b"}
	long := []string{"xException: a", "\tat b", "\tat c", "d"}
	f := func(index string, want []string, chunks ...[]string) {
		t.Helper()
		given := map[string]string{
			"Endpoint": world.OpenSearch.URL, "AWS_Auth": "Off", "HTTP_User": world.OpenSearch.Username, "HTTP_Passwd": world.OpenSearch.Password,
			"TLS_CA_File": world.CAFile, "Index": index, "Multiline": "java",
		}
		cfg, err := config.Load(func(name string) string { return given[name] },
			func(string) string { return "" })
		if err != nil {
			t.Fatal(err)
		}
		var said []string
		out, err := deliver.New(cfg, logging.New(func(_ logging.Level,
			line string) {
			said = append(said, line)
		}, logging.Info, t.Name()))
		if err != nil {
			t.Fatal(err)
		}
		defer out.Close()
		for _, lines := range chunks {
			if !out.Flush("kube.a", chunkOfLines(lines)) {
				t.Fatalf("%s: not settled\n%s", index, strings.Join(said, "\n"))
			}
		}
		if err := world.OpenSearch.Refresh(t.Context(), index); err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, doc := range documents(t, index) {
			got = append(got, doc.Source.Log)
		}
		sort.Strings(got)
		sort.Strings(want)
		if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
			t.Errorf("%s: got %q, want %q\n%s", index, got, want, strings.Join(said, "\n"))
		}
	}
	whole := []string{"xException: a\n\tat b\n\tat c", "d"}
	f("eks-log-trace-1", whole, short, long)
	f("eks-log-trace-2", whole, long, short)
	f("eks-log-trace-3", whole, single, long)
	f("eks-log-trace-4", whole, long, single)
	f("eks-log-trace-5", whole, short, long, long, single, short)
	f("eks-log-trace-stream-1", append(whole, "xException: a\n\tat b"), short, short, long, long, short)
}

// chunkOfLines makes a chunk of lines that are a nanosecond apart.
func chunkOfLines(lines []string) []byte {
	var b []byte
	for i, line := range lines {
		b = append(b, 0x92, 0x92, 0xd7, 0)
		b = binary.BigEndian.AppendUint32(b, 1795432000)
		b = binary.BigEndian.AppendUint32(b, uint32(7+i))
		b = append(b, 0x80)
		b = msgp.AppendMapHeader(b, 1)
		b = msgp.AppendString(msgp.AppendString(b, "log"), line)
	}
	return b
}
