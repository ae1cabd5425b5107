package main

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math/rand/v2"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tinylib/msgp/msgp"

	"out_opensearch_irsa/internal/config"
	"out_opensearch_irsa/internal/deliver"
	"out_opensearch_irsa/internal/logging"
)

// chunkOf is the first lines of a corpus as Fluent Bit 5 hands them over.
func chunkOf(b testing.TB, name string, records int) []byte {
	r := rand.New(rand.NewPCG(7, 7))
	var chunk, line []byte
	for i := range records {
		chunk = append(chunk, 0x92, 0x92, 0xd7, 0x00)
		chunk = binary.BigEndian.AppendUint32(chunk, uint32(1795432000+i/3000))
		chunk = append(binary.BigEndian.AppendUint32(chunk, uint32(i%3000*333_333+1)), 0x80)
		if name == "cri" {
			line = appendCRI(line[:0], r, i)
			parts := strings.SplitN(strings.TrimSuffix(string(line), "\n"), " ", 4)
			chunk = msgp.AppendMapHeader(chunk, 4)
			for n, key := range []string{"time", "stream", "logtag", "log"} {
				chunk = msgp.AppendString(msgp.AppendString(chunk, key), parts[n])
			}
			continue
		}
		line = appendK8s(line[:0], r, i)
		var fields map[string]any
		if err := json.Unmarshal(line, &fields); err != nil {
			b.Fatal(err)
		}
		chunk = appendValue(chunk, fields)
	}
	return chunk
}

// appendValue appends what encoding/json has read, with keys always in the same order.
func appendValue(b []byte, v any) []byte {
	switch v := v.(type) {
	case map[string]any:
		b = msgp.AppendMapHeader(b, uint32(len(v)))
		for _, key := range slices.Sorted(maps.Keys(v)) {
			b = appendValue(msgp.AppendString(b, key), v[key])
		}
		return b
	case string:
		return msgp.AppendString(b, v)
	default:
		return msgp.AppendFloat64(b, v.(float64))
	}
}

// newDeliverer is an instance that sends to a sink within this process.
func newDeliverer(b testing.TB, compress string) *deliver.Deliverer {
	s := &sink{pool: sync.Pool{New: func() any { return new(exchange) }}}
	server := httptest.NewServer(s.handler())
	b.Cleanup(server.Close)
	options := map[string]string{"Endpoint": server.URL, "AWS_Auth": "Off", "Index": "eks-log",
		"Compress": compress}
	cfg, err := config.Load(func(name string) string { return options[name] },
		func(string) string { return "" })
	if err != nil {
		b.Fatal(err)
	}
	d, err := deliver.New(cfg, logging.New(func(_ logging.Level, line string) { b.Log(line) },
		logging.Error, "bench"))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(d.Close)
	return d
}

// A record must not cost an allocation: what a flush allocates is the request's, however many
// records it has.
func TestFlushAllocatesNothingPerRecord(t *testing.T) {
	for _, name := range []string{"cri", "k8s"} {
		for _, compress := range []string{"", "gzip"} {
			d := newDeliverer(t, compress)
			allocations := func(records int) float64 {
				chunk := chunkOf(t, name, records)
				return testing.AllocsPerRun(10, func() {
					if !d.Flush("kube.bench", chunk) {
						t.Error("the chunk was not delivered")
					}
				})
			}
			allocations(2000) // grows the buffers
			few, many := allocations(20), allocations(2000)
			if perRecord := (many - few) / 1980; perRecord > 0.05 { // the sink's are counted too, by blocks of the body
				t.Errorf("%s %s: a flush of 20 records allocates %.0f times, and of "+
					"2000 records %.0f times", name, compress, few, many)
			}
		}
	}
}

// BenchmarkFlush is everything behind Fluent Bit's call, with a sink in the same process. Its
// profile is plugin/default.pgo.
func BenchmarkFlush(b *testing.B) {
	for _, name := range []string{"cri", "k8s"} {
		for _, compress := range []string{"", "gzip"} {
			b.Run(name+"-"+compress, func(b *testing.B) {
				const records = 3000
				d, chunk := newDeliverer(b, compress), chunkOf(b, name, records)
				for b.Loop() {
					if !d.Flush("kube.bench", chunk) {
						b.Fatal("the chunk was not delivered")
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/records, "ns/record")
			})
		}
	}
}
