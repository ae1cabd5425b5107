package main

import (
	"bufio"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
)

// corpus is a log file to be read, and how Fluent Bit reads it.
type corpus struct {
	name    string
	parser  string // of the [INPUT] section
	records int
	path    string
}

// words are what messages are made of: plain text, text in Korean, and text that JSON has to escape.
var words = strings.Fields(`GET POST checkout cart user-service timeout retry 주문 결제 shipped cache miss hit latency ` +
	`upstream "quoted" path=/api/v1/items C:\temp\x error connection reset by peer ok done`)

func appendMessage(b []byte, r *rand.Rand) []byte {
	for n := range 8 + r.IntN(17) {
		if n > 0 {
			b = append(b, ' ')
		}
		b = append(b, words[r.IntN(len(words))]...)
	}
	return b
}

func appendTimestamp(b []byte, i int) []byte {
	return fmt.Appendf(b, "2026-11-%02dT%02d:%02d:%02d.%09dZ", 1+i%22, i%24, i%60, (i*7)%60, (i*7919)%1e9)
}

// appendCRI appends line i of a container's log as containerd writes it.
func appendCRI(b []byte, r *rand.Rand, i int) []byte {
	stream := "stdout"
	if i%9 == 0 {
		stream = "stderr"
	}
	b = append(appendTimestamp(b, i), ' ')
	b = append(append(b, stream...), " F "...)
	return fmt.Appendf(appendMessage(b, r), " LINE=%d\n", i)
}

var jsonEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// appendK8s appends line i of a log whose lines are what the kubernetes filter makes of them.
func appendK8s(b []byte, r *rand.Rand, i int) []byte {
	b = append(appendTimestamp(append(b, `{"time":"`...), i), `","stream":"stdout","logtag":"F","log":"`...)
	b = append(b, jsonEscapes.Replace(string(appendMessage(nil, r)))...)
	b = fmt.Appendf(b, ` LINE=%d","seq":%d,"latency_ms":%v,"kubernetes":{"pod_name":"orders-%x-%04x","namespace_name":"shop",`, i, i, r.Float64()*900, i%40, i%977)
	b = fmt.Appendf(b, `"pod_id":"0c9c7a3f-5d2e-4a6c-9d3a-%012x","labels":{"app.kubernetes.io/name":"orders","pod-template-hash":"5f6c8d7b9","team":"payments"},`, i%40)
	b = fmt.Appendf(b, `"annotations":{"kubernetes.io/psp":"eks.privileged"},"host":"ip-10-0-%d-17.ap-northeast-2.compute.internal","container_name":"orders",`, i%8)
	return fmt.Appendf(b, `"docker_id":"%064x","container_hash":"sha256:%064x","container_image":"registry/shop/orders:1.42.%d"}}`+"\n", i%40, i%3, i%5)
}

// write writes the corpus to its path. The same corpus has the same bytes each time.
func (c corpus) write() error {
	file, err := os.Create(c.path)
	if err != nil {
		return fmt.Errorf("cannot write the corpus: %w", err)
	}
	appendLine := appendCRI
	if c.name == "k8s" {
		appendLine = appendK8s
	}
	w := bufio.NewWriterSize(file, 1<<20)
	r := rand.New(rand.NewPCG(7, 7))
	var line []byte
	for i := range c.records {
		line = appendLine(line[:0], r, i)
		if _, err = w.Write(line); err != nil {
			break
		}
	}
	if err == nil {
		err = w.Flush()
	}
	if closed := file.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return fmt.Errorf("cannot write the corpus: %w", err)
	}
	return nil
}
