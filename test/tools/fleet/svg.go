package fleet

import (
	"fmt"
	"strings"
)

// Lengths of the drawing, in its own pixels.
const (
	svgWidth  = 760
	svgPanel  = 120
	svgPlot   = 76 // the height that capacity is drawn at
	svgLeft   = 12
	svgTop    = 48
	svgLegend = 20
)

// draw draws what each scenario stored over time, as a share of the domain's capacity.
func draw(all []figures, agents int) string {
	var b strings.Builder
	panels := map[string]int{}
	for _, r := range all {
		if _, ok := panels[r.scenario]; !ok {
			panels[r.scenario] = len(panels)
		}
	}
	height := svgTop + len(panels)*svgPanel
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %[1]d %[2]d" font-family="sans-serif" font-size="12" role="img">`+"\n", svgWidth, height)
	fmt.Fprintf(&b, "<title>Goodput of %d nodes, as a share of the domain's capacity, over "+
		"time</title>\n", agents)
	b.WriteString(`<rect width="100%" height="100%" fill="#fff"/>` + "\n")
	fmt.Fprintf(&b, `<text x="12" y="22" font-size="15" font-weight="bold">Goodput of %d nodes, as a share of the domain's capacity (dashed), over time</text>`+"\n", agents)
	b.WriteString(`<text x="12" y="40" fill="#555"><tspan fill="#0b6e4f">this plugin</tspan> and the <tspan fill="#8a8a8a">built-in output's policy</tspan></text>` + "\n")
	longest := map[string]int{}
	for _, r := range all {
		longest[r.scenario] = max(longest[r.scenario], len(r.history))
	}
	for name, n := range panels {
		y := svgTop + n*svgPanel
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`+"\n", svgLeft, y+svgLegend-4, name)
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%[3]d" y2="%[3]d" stroke="#999" stroke-dasharray="4 3"/>`+"\n", svgLeft, svgWidth-svgLeft, y+svgLegend)
		fmt.Fprintf(&b, `<line x1="%d" x2="%d" y1="%[3]d" y2="%[3]d" stroke="#333"/>`+"\n", svgLeft,
			svgWidth-svgLeft, y+svgLegend+svgPlot)
		fmt.Fprintf(&b, `<text x="%d" y="%d" fill="#555" text-anchor="end">%.0f min</text>`+"\n",
			svgWidth-svgLeft, y+svgLegend+svgPlot+14, float64(longest[name])*step.Minutes())
	}
	for _, r := range all {
		colour := "#bdbdbd"
		if r.output == outputs[0].name {
			colour = "#0b6e4f"
		}
		var points strings.Builder
		y := float64(svgTop + panels[r.scenario]*svgPanel + svgLegend + svgPlot)
		for i, share := range r.history {
			fmt.Fprintf(&points, "%.1f,%.1f ",
				svgLeft+float64(i)*(svgWidth-2*svgLeft)/float64(max(1,
					longest[r.scenario]-1)), y-min(share, 1.2)*svgPlot)
		}
		fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="1.5"/>`+"\n",
			strings.TrimSpace(points.String()), colour)
	}
	b.WriteString("</svg>\n")
	return b.String()
}
