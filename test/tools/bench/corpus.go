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

// words are what messages are made of: plain text, text in Korean, and text that JSON has to
// escape.
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
	return fmt.Appendf(b, "2026-11-%02dT%02d:%02d:%02d.%09dZ", 1+i%22, i%24, i%60, (i*7)%60,
		(i*7919)%1e9)
}

// appendCRI appends line i of a container's log as containerd writes it.
func appendCRI(b []byte, r *rand.Rand, i int) []byte {
	return appendCRILine(b, r, i, appendTimestamp(nil, i), fmt.Appendf(nil, "LINE=%d", i))
}

// appendCRILine appends a line of a time, with a mark at its end.
func appendCRILine(b []byte, r *rand.Rand, i int, at, mark []byte) []byte {
	stream := " stdout F "
	if i%9 == 0 {
		stream = " stderr F "
	}
	b = append(append(b, at...), stream...)
	b = append(appendMessage(b, r), ' ')
	return append(append(b, mark...), '\n')
}

var jsonEscapes = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

// appendK8s appends line i of a log whose lines are what the kubernetes filter makes of them.
func appendK8s(b []byte, r *rand.Rand, i int) []byte {
	return appendK8sLine(b, r, i, i, appendTimestamp(nil, i), fmt.Appendf(nil, "LINE=%d", i))
}

// appendK8sLine appends line i, of a pod and a time, with a mark at the end of its text.
func appendK8sLine(b []byte, r *rand.Rand, i, pod int, at, mark []byte) []byte {
	b = fmt.Appendf(b, `{"time":"%s","stream":"stdout","logtag":"F","log":"`, at)
	b = append(b, jsonEscapes.Replace(string(appendMessage(nil, r)))...)
	b = fmt.Appendf(b, ` %s","seq":%d,"latency_ms":%v,"kubernetes":{"pod_name":"orders-%x-%04x","namespace_name":"shop",`, mark, i, r.Float64()*900, pod%40, pod%977)
	b = fmt.Appendf(b, `"pod_id":"0c9c7a3f-5d2e-4a6c-9d3a-%012x","labels":{"app.kubernetes.io/name":"orders","pod-template-hash":"5f6c8d7b9","team":"payments"},`, pod%40)
	b = fmt.Appendf(b, `"annotations":{"kubernetes.io/psp":"eks.privileged"},"host":"ip-10-0-%d-17.ap-northeast-2.compute.internal","container_name":"orders",`, pod%8)
	return fmt.Appendf(b, `"docker_id":"%064x","container_hash":"sha256:%064x","container_image":"registry/shop/orders:1.42.%d"}}`+"\n", pod%40, pod%3, pod%5)
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
