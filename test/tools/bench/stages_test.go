package main

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/klauspost/compress/gzip"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/chunk"
	"out_opensearch_irsa/internal/document"
	"out_opensearch_irsa/internal/opensearch"
)

const stageRecords = 3000

func newEncoder(b *testing.B) *document.Encoder {
	e, err := document.NewEncoder(document.Options{TimeKey: "@timestamp",
		Dedot: []string{"kubernetes.labels", "kubernetes.annotations"}})
	if err != nil {
		b.Fatal(err)
	}
	e.SetTag("kube.bench")
	return e
}

// walk calls each for every record of a chunk; each returns the length of the record's body.
func walk(b *testing.B, data []byte, each func(r *chunk.Record) int) {
	w := chunk.NewWalker(data)
	var r chunk.Record
	for {
		ok, err := w.Next(&r)
		if err != nil {
			b.Fatal(err)
		}
		if !ok {
			return
		}
		w.Advance(each(&r))
	}
}

// build makes the lines of a chunk's records, with their ids.
func build(b *testing.B, e *document.Encoder, ids *bulk.IDs, batch *bulk.Batch, data []byte) {
	batch.Reset(64 << 20)
	ids.Start("kube.bench", 1)
	walk(b, data, func(r *chunk.Record) int {
		batch.Begin([]byte("eks-log"), nil, r.Offset)
		out, n, err := e.Append(batch.Buf, r.Sec, r.Nsec, r.Body)
		if err != nil {
			b.Fatal(err)
		}
		batch.Buf = out
		var id [bulk.IDSize]byte
		ids.Next(&id, int32(len(batch.Items)-1), r.Sec, r.Nsec, r.Body[:n], false)
		batch.End(&id)
		return n
	})
	ids.End(batch.SetID)
}

// BenchmarkStage is what each stage of the way costs for a record, by itself, and how long the
// record is then; BenchmarkFlush is all of it.
func BenchmarkStage(b *testing.B) {
	for _, corpus := range []string{"cri", "k8s"} {
		data := chunkOf(b, corpus, stageRecords)
		run := func(stage string, once func() (size int)) {
			b.Run(corpus+"/"+stage, func(b *testing.B) {
				size := once() // grows the buffers
				b.ReportAllocs()
				for b.Loop() {
					once()
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/stageRecords,
					"ns/record")
				b.ReportMetric(float64(size)/stageRecords, "B/record")
			})
		}
		run("chunk", func() int {
			walk(b, data, func(r *chunk.Record) int {
				n, err := chunk.Skip(r.Body)
				if err != nil {
					b.Fatal(err)
				}
				return n
			})
			return len(data)
		})
		e := newEncoder(b)
		var documents []byte
		run("document", func() int {
			documents = documents[:0]
			walk(b, data, func(r *chunk.Record) int {
				out, n, err := e.Append(documents, r.Sec, r.Nsec, r.Body)
				if err != nil {
					b.Fatal(err)
				}
				documents = out
				return n
			})
			return len(documents)
		})
		var ids bulk.IDs
		batch := bulk.NewBatch("create", true)
		run("bulk", func() int { // documents included
			build(b, e, &ids, batch, data)
			return len(batch.Buf)
		})
		build(b, e, &ids, batch, data)
		var gz bulk.Compressor
		var wire []byte
		run("gzip", func() int {
			wire = gz.Compress(wire[:0], batch.Buf)
			return len(wire)
		})
		var size counter
		klauspost, err := gzip.NewWriterLevel(&size, gzip.BestSpeed)
		if err != nil {
			b.Fatal(err)
		}
		run("gzip-klauspost", func() int {
			size = 0
			klauspost.Reset(&size)
			if _, err := klauspost.Write(batch.Buf); err != nil {
				b.Fatal(err)
			}
			if err := klauspost.Close(); err != nil {
				b.Fatal(err)
			}
			return int(size)
		})
	}
	b.Run("response", benchmarkResponse)
}

// BenchmarkPod is what the stages cost for the twenty lines that a pod writes in a second, with a
// hundred pods whose chunks follow one another.
func BenchmarkPod(b *testing.B) {
	const pods, lines = 100, 20
	for _, corpus := range []string{"cri", "k8s"} {
		var chunks, bodies [][]byte
		var tags []string
		e := newEncoder(b)
		var ids bulk.IDs
		batch := bulk.NewBatch("create", true)
		rest := chunkOf(b, corpus, pods*lines)
		for pod := range pods {
			n, count := 0, 0
			walk(b, rest, func(r *chunk.Record) int {
				size, err := chunk.Skip(r.Body)
				if err != nil {
					b.Fatal(err)
				}
				if count++; count <= lines {
					n = len(rest) - len(r.Body) + size
				}
				return size
			})
			chunks, rest = append(chunks, rest[:n:n]), rest[n:]
			tags = append(tags, fmt.Sprint("kube.pod-", pod))
			build(b, e, &ids, batch, chunks[pod])
			bodies = append(bodies, bytes.Clone(batch.Buf))
		}
		run := func(stage string, once func(pod int) (size int)) {
			b.Run(corpus+"/"+stage, func(b *testing.B) {
				b.ReportAllocs()
				size := 0
				for i := 0; b.Loop(); i++ {
					size += once(i % pods)
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/lines, "ns/record")
				b.ReportMetric(float64(size)/float64(b.N)/lines, "B/record")
			})
		}
		run("bulk", func(pod int) int {
			e.SetTag(tags[pod])
			build(b, e, &ids, batch, chunks[pod])
			return len(batch.Buf)
		})
		var gz bulk.Compressor
		var wire []byte
		run("piece", func(pod int) int {
			_, wire = gz.Piece(wire[:0], bodies[pod])
			return len(wire)
		})
	}
}

// counter counts what is written.
type counter int

func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

// benchmarkResponse is one request without a body, and the reading of its answer.
func benchmarkResponse(b *testing.B) {
	answer := appendAnswer(nil, "create", stageRecords,
		[]string{"errors", "items.*.status", "items.*.error"})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.Copy(w, bytes.NewReader(answer))
	}))
	defer server.Close()
	endpoint, err := url.Parse(server.URL)
	if err != nil {
		b.Fatal(err)
	}
	client, err := opensearch.New(opensearch.Options{Endpoint: endpoint})
	if err != nil {
		b.Fatal(err)
	}
	defer client.Close()
	b.ReportAllocs()
	for b.Loop() {
		if res := client.Bulk(b.Context(),
			&opensearch.Request{Index: "eks-log", Items: stageRecords}); !res.Delivered {
			b.Fatalf("%+v", res.Failure)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/stageRecords, "ns/record")
}
