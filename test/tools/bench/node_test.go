package main

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
)

// BenchmarkNode is what Fluent Bit does each second on a node of 100 pods, each of 20 lines a
// second: it hands over a chunk of each pod, from as many threads as there are workers. The sink is
// in the same process; its part is in the figures.
func BenchmarkNode(b *testing.B) {
	for _, compress := range []string{"", "gzip"} {
		for _, workers := range []int{2, 16, 64} {
			b.Run(fmt.Sprintf("%s-workers-%d", compress, workers),
				func(b *testing.B) { benchmarkNode(b, compress, workers) })
		}
	}
}

func benchmarkNode(b *testing.B, compress string, workers int) {
	const pods, lines = 100, 20
	d := newDeliverer(b, compress)
	var tags []string
	var chunks [][]byte
	for pod := range pods {
		tags = append(tags, fmt.Sprintf("kube.var.log.containers.pod-%d_shop_orders-1234.log", pod))
		chunks = append(chunks, chunkOf(b, []string{"cri", "k8s"}[pod%2], lines))
	}
	second := func() {
		next := make(chan int)
		var wg sync.WaitGroup
		for range workers {
			wg.Go(func() {
				for pod := range next {
					if !d.Flush(tags[pod], chunks[pod]) {
						b.Error("the chunk was not delivered")
					}
				}
			})
		}
		for pod := range pods {
			next <- pod
		}
		close(next)
		wg.Wait()
	}
	second() // grows the buffers
	before := cpuTime(b)
	for b.Loop() {
		second()
	}
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N)/pods/1e3, "CPU-µs/chunk")
}

// cpuTime is this process's CPU time in ns.
func cpuTime(b *testing.B) int64 {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return u.Utime.Nano() + u.Stime.Nano()
}
