package main

import (
	"math"
	"testing"
	"time"

	"out_opensearch_irsa/internal/bulk"
	"out_opensearch_irsa/internal/chunk"
	"out_opensearch_irsa/internal/multiline"
)

// BenchmarkMultiline is what looking for stack traces adds to lines that hold none, in nanoseconds
// a record, and as a share of making documents of them and compressing those, which is not all that
// the output does. Of each the quickest of all turns counts, taken in turns, so that a busy machine
// slows neither alone.
func BenchmarkMultiline(b *testing.B) {
	rules, err := multiline.Compile(multiline.Options{Languages: multiline.Languages, Key: "log",
		MaxLines: 1000, MaxBytes: 256 << 10})
	if err != nil {
		b.Fatal(err)
	}
	for _, corpus := range []string{"cri", "k8s"} {
		b.Run(corpus, func(b *testing.B) {
			data := chunkOf(b, corpus, stageRecords)
			joiner := multiline.NewJoiner(rules)
			e := newEncoder(b)
			var ids bulk.IDs
			batch := bulk.NewBatch("create", true)
			var gz bulk.Compressor
			var wire []byte
			bodies := make([]int, 0, stageRecords)
			walk(b, data, func(r *chunk.Record) int {
				n, err := chunk.Skip(r.Body)
				if err != nil {
					b.Fatal(err)
				}
				bodies = append(bodies, n)
				return n
			})
			least := func(was time.Duration, once func()) time.Duration {
				began := time.Now()
				once()
				return min(was, time.Since(began))
			}
			rest, walking, looking := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64),
				time.Duration(math.MaxInt64)
			for b.Loop() {
				rest = least(rest, func() {
					build(b, e, &ids, batch, data)
					wire = gz.Compress(wire[:0], batch.Buf)
				})
				walking = least(walking, func() {
					i := 0
					walk(b, data, func(*chunk.Record) int { i++; return bodies[i-1] })
				})
				looking = least(looking, func() {
					i := 0
					joiner.Start(data)
					walk(b, data, func(r *chunk.Record) int {
						if joiner.Next(r) != multiline.Alone {
							b.Fatal("the corpus has a trace")
						}
						i++
						return bodies[i-1]
					})
				})
			}
			b.ReportMetric(float64(looking-walking)/stageRecords, "ns/record")
			b.ReportMetric(float64(rest)/stageRecords, "ns/record-without")
			b.ReportMetric(100*float64(looking-walking)/float64(rest), "%")
		})
	}
}
