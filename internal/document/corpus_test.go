package document

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tinylib/msgp/msgp"

	"out_opensearch_irsa/internal/chunk"
)

// The corpora are those of the comparison with the built-in output, as its JSON
// and CRI parsers hand them over.

var words = strings.Fields(`GET POST checkout cart user-service timeout retry 주문 결제 shipped cache miss hit latency ` +
	`upstream "quoted" path=/api/v1/items C:\temp\x error connection reset by peer ok done`)

func message(r *rand.Rand, line int) string {
	var b strings.Builder
	for range 8 + r.IntN(17) {
		b.WriteString(words[r.IntN(len(words))])
		b.WriteByte(' ')
	}
	fmt.Fprintf(&b, "LINE=%d", line)
	return b.String()
}

func timestamp(i int) string {
	return fmt.Sprintf("2026-11-%02dT%02d:%02d:%02d.%09dZ", 1+i%22, i%24, i%60, (i*7)%60,
		(i*7919)%1000000000)
}

// appendHead appends what stands before a body in Fluent Bit 5.
func appendHead(b []byte, sec, nsec uint32) []byte {
	b = append(b, 0x92, 0x92, 0xd7, 0x00)
	b = binary.BigEndian.AppendUint32(b, sec)
	b = binary.BigEndian.AppendUint32(b, nsec)
	return append(b, 0x80)
}

const corpusSec = 1795432000 // 2026-11-23

// criChunk is container runtime lines: event times jump by days, as in the
// comparison's corpus.
func criChunk(records int) []byte {
	r := rand.New(rand.NewPCG(7, 7))
	var b []byte
	for i := range records {
		b = appendHead(b, uint32(corpusSec+86400*(i%22)+3600*(i%24)+60*(i%60)+(i*7)%60),
			uint32(i*7919%1000000000))
		b = msgp.AppendMapHeader(b, 4)
		b = msgp.AppendString(msgp.AppendString(b, "time"), timestamp(i))
		stream := "stdout"
		if i%9 == 0 {
			stream = "stderr"
		}
		b = msgp.AppendString(msgp.AppendString(b, "stream"), stream)
		b = msgp.AppendString(msgp.AppendString(b, "logtag"), "F")
		b = msgp.AppendString(msgp.AppendString(b, "message"), message(r, i))
	}
	return b
}

// k8sChunk is records with Kubernetes metadata. With one pod, the metadata
// repeat, as in any chunk of the tail input; else they vary, as in the
// comparison's corpus.
func k8sChunk(records int, onePod bool) []byte {
	r := rand.New(rand.NewPCG(7, 7))
	var b []byte
	for i := range records {
		b = appendHead(b, uint32(corpusSec+i/3000), uint32(i*333333%1000000000))
		b = msgp.AppendMapHeader(b, 7)
		b = msgp.AppendString(msgp.AppendString(b, "time"), timestamp(i))
		b = msgp.AppendString(msgp.AppendString(b, "stream"), "stdout")
		b = msgp.AppendString(msgp.AppendString(b, "logtag"), "F")
		b = msgp.AppendString(msgp.AppendString(b, "log"), message(r, i))
		b = msgp.AppendInt64(msgp.AppendString(b, "seq"), int64(i))
		b = msgp.AppendFloat64(msgp.AppendString(b, "latency_ms"), r.Float64()*900)
		pod := i
		if onePod {
			pod = 17
		}
		b = appendPod(msgp.AppendString(b, "kubernetes"), pod)
	}
	return b
}

func appendPod(b []byte, i int) []byte {
	b = msgp.AppendMapHeader(b, 10)
	pair := func(key, format string, args ...any) {
		b = msgp.AppendString(msgp.AppendString(b, key), fmt.Sprintf(format, args...))
	}
	pair("pod_name", "orders-%x-%04x", i%40, i%977)
	pair("namespace_name", "shop")
	pair("pod_id", "0c9c7a3f-5d2e-4a6c-9d3a-%012x", i%40)
	b = msgp.AppendMapHeader(msgp.AppendString(b, "labels"), 3)
	pair("app.kubernetes.io/name", "orders")
	pair("pod-template-hash", "5f6c8d7b9")
	pair("team", "payments")
	b = msgp.AppendMapHeader(msgp.AppendString(b, "annotations"), 1)
	pair("kubernetes.io/psp", "eks.privileged")
	pair("host", "ip-10-0-%d-17.ap-northeast-2.compute.internal", i%8)
	pair("container_name", "orders")
	pair("docker_id", "%064x", i%40)
	pair("container_hash", "sha256:%064x", i%3)
	pair("container_image", "registry/shop/orders:1.42.%d", i%5)
	return b
}

// mixedChunk is records of an application whose JSON lines have many sets of
// keys, with Kubernetes metadata.
func mixedChunk(records int) []byte {
	r := rand.New(rand.NewPCG(7, 7))
	var b []byte
	for i := range records {
		fields := 1 + r.IntN(6)
		b = appendHead(b, uint32(corpusSec+i/3000), uint32(i*333333%1000000000))
		b = msgp.AppendMapHeader(b, uint32(5+fields))
		b = msgp.AppendString(msgp.AppendString(b, "time"), timestamp(i))
		b = msgp.AppendString(msgp.AppendString(b, "stream"), "stdout")
		b = msgp.AppendString(msgp.AppendString(b, "logtag"), "F")
		b = msgp.AppendString(msgp.AppendString(b, "log"), message(r, i))
		first := r.IntN(20)
		for k := range fields {
			b = msgp.AppendInt64(msgp.AppendString(b, fmt.Sprintf("field_%d", first+k)), int64(i))
		}
		b = appendPod(msgp.AppendString(b, "kubernetes"), 17)
	}
	return b
}

// encodeChunk appends the documents of all records, a line each.
func encodeChunk(tb testing.TB, e *Encoder, dst, data []byte) (out []byte, records int) {
	w := chunk.NewWalker(data)
	var r chunk.Record
	for {
		more, err := w.Next(&r)
		if err != nil {
			tb.Fatal(err)
		}
		if !more {
			return dst, records
		}
		var n int
		if dst, n, err = e.Append(dst, r.Sec, r.Nsec, r.Body); err != nil {
			tb.Fatal(err)
		}
		dst = append(dst, '\n')
		w.Advance(n)
		records++
	}
}

func newEncoder(tb testing.TB, o Options) *Encoder {
	tb.Helper()
	e, err := NewEncoder(o)
	if err != nil {
		tb.Fatal(err)
	}
	return e
}

// split cuts a chunk into chunks of so many records.
func split(tb testing.TB, data []byte, records int) (chunks [][]byte) {
	w := chunk.NewWalker(data)
	var r chunk.Record
	start, count := 0, 0
	for more, _ := w.Next(&r); more; more, _ = w.Next(&r) {
		if count == records {
			chunks = append(chunks, data[start:r.Offset])
			start, count = r.Offset, 0
		}
		count++
		n, err := chunk.Skip(r.Body)
		if err != nil {
			tb.Fatal(err)
		}
		w.Advance(n)
	}
	return append(chunks, data[start:])
}

// BenchmarkAppend measures what a record costs, walking the chunk included. The
// best of many short runs counts (best-ns/record): it is what the code costs
// when nothing else wants the core.
func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name          string
		data          []byte
		withoutShapes bool
	}{
		{"cri", criChunk(4096), false},
		{"k8s", k8sChunk(2048, false), false},
		{"k8s-one-pod", k8sChunk(2048, true), false},
		{"k8s-mixed", mixedChunk(2048), false},
		{"cri-without-shapes", criChunk(4096), true},
		{"k8s-without-shapes", k8sChunk(2048, false), true},
		{"k8s-one-pod-without-shapes", k8sChunk(2048, true), true},
	} {
		b.Run(c.name, func(b *testing.B) {
			e := newEncoder(b, Options{TimeKey: "@timestamp", TimeFormat: DefaultTimeFormat})
			e.SetTag("kube.var.log.containers.orders")
			if c.withoutShapes {
				e.shapes.rest = math.MaxInt
			}
			dst, records := encodeChunk(b, e, nil, c.data)
			chunks := split(b, c.data, 64)
			best := make([]time.Duration, len(chunks))
			size := len(dst)
			b.SetBytes(int64(len(c.data)))
			b.ReportAllocs()
			for b.Loop() {
				for i, data := range chunks {
					start := time.Now()
					dst, _ = encodeChunk(b, e, dst[:0], data)
					if d := time.Since(start); best[i] == 0 || d < best[i] {
						best[i] = d
					}
				}
			}
			var sum time.Duration
			for _, d := range best {
				sum += d
			}
			b.ReportMetric(float64(sum.Nanoseconds())/float64(records), "best-ns/record")
			b.ReportMetric(float64(len(c.data))/float64(sum.Nanoseconds())*1e3, "best-MB/s")
			b.ReportMetric(float64(len(c.data))/float64(records), "msgpack-B/record")
			b.ReportMetric(float64(size)/float64(records), "json-B/record")
		})
	}
}
