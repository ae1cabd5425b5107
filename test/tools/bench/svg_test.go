package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"out_opensearch_irsa/test/fixtures/stack"
)

func TestDrawRows(t *testing.T) {
	of := func(name string, ours, builtIn float64) *row {
		return &row{corpus: corpus{name: name}, mode: modes[2], workers: 1,
			ours: []measurement{{cpu: ours}}, builtIn: []measurement{{cpu: builtIn}}}
	}
	path := filepath.Join(t.TempDir(), "bench.svg")
	if err := drawRows([]*row{of("cri", 0.5, 2), of("k8s", 1, 4)},
		stack.FluentBitHost{Version: "Fluent Bit v5.1.1"}, path); err != nil {
		t.Fatal(err)
	}
	drawing, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	bars := 0
	for d := xml.NewDecoder(strings.NewReader(string(drawing))); ; {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("no XML: %v\n%s", err, drawing)
		}
		if e, ok := token.(xml.StartElement); ok && e.Name.Local == "rect" {
			bars++
		}
	}
	if bars != 1+4 { // the background, and two for each row
		t.Errorf("%d rectangles, not 5:\n%s", bars, drawing)
	}
	for _, text := range []string{"cri, gzip + SigV4, Workers 1", "0.50 (25 %)", "4.00"} {
		if !strings.Contains(string(drawing), text) {
			t.Errorf("%q is not in the drawing:\n%s", text, drawing)
		}
	}
}
