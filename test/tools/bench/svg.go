package main

import (
	"fmt"
	"os"
	"strings"

	"out_opensearch_irsa/test/fixtures/stack"
)

// Lengths of the drawing, in its own pixels.
const (
	svgWidth  = 760
	svgLabel  = 190 // for the rows' names
	svgBar    = 13
	svgRow    = 44
	svgTop    = 64
	svgBottom = 30
)

// drawRows draws the table's CPU figures as bars: of each row ours above, the built-in output's
// below.
func drawRows(rows []*row, host stack.FluentBitHost, path string) error {
	cpu := func(m measurement) float64 { return m.cpu }
	most := 0.0
	for _, r := range rows {
		most = max(most, median(r.ours, cpu), median(r.builtIn, cpu))
	}
	scale := (svgWidth - svgLabel - 110) / most
	height := svgTop + svgRow*len(rows) + svgBottom

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="12" role="img">`+"\n", svgWidth, height)
	fmt.Fprintf(&b, "<title>CPU of the output's own threads, µs per record, with %s</title>\n",
		host.Version)
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	fmt.Fprintf(&b, `<text x="12" y="24" font-size="15" font-weight="bold">CPU of the output, µs per record</text>`+"\n")
	fmt.Fprintf(&b, `<text x="12" y="44" fill="#555">%s; <tspan fill="#0b6e4f">this plugin</tspan> and the <tspan fill="#8a8a8a">built-in opensearch output</tspan>, less is better</text>`+"\n", host.Version)
	for n, r := range rows {
		y := svgTop + svgRow*n
		fmt.Fprintf(&b, `<text x="12" y="%d">%s, %s, Workers %d</text>`+"\n", y+svgBar+5,
			r.corpus.name, r.mode.name, r.workers)
		own, other := median(r.ours, cpu), median(r.builtIn, cpu)
		drawBar(&b, y, own*scale, "#0b6e4f", fmt.Sprintf("%.2f (%.0f %%)", own, 100*r.ratio()))
		drawBar(&b, y+svgBar+2, other*scale, "#bdbdbd", fmt.Sprintf("%.2f", other))
	}
	fmt.Fprintf(&b, `<text x="12" y="%d" fill="#555">make bench; medians of %d rounds</text>`+"\n</svg>\n", height-10, len(rows[0].ours))
	if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
		return fmt.Errorf("cannot write the drawing: %w", err)
	}
	return nil
}

func drawBar(b *strings.Builder, y int, width float64, colour, label string) {
	fmt.Fprintf(b, `<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/><text x="%.1f" y="%d">%s</text>`+"\n",
		svgLabel, y, width, svgBar, colour, svgLabel+width+6, y+svgBar-2, label)
}
