package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

// The chart is a drawing of small groups of bars in two columns, one group for each row of the table.
const (
	chartWidth  = 880
	groupWidth  = 420
	groupGap    = 40
	labelWidth  = 122
	valueWidth  = 56
	barHeight   = 11
	barPitch    = 15
	titleHeight = 34
	groupSpace  = 16
	chartTop    = 16
	chartBottom = 24
)

// style has colours for light and for dark pages.
const style = `
text { font: 11px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #57606a }
.title { font-weight: 600; font-size: 12px; fill: #1f2328 }
.us { font-weight: 600; fill: #1f2328 }
.bar { fill: #afb8c1 } .limit { fill: none; stroke: #8c959f; stroke-dasharray: 3 2 } .ours { fill: #1f7a5c }
@media (prefers-color-scheme: dark) {
text { fill: #9198a1 } .title, .us { fill: #f0f6fc }
.bar { fill: #4b535d } .limit { stroke: #656c76 } .ours { fill: #3fb68b }
}`

func (r *report) chart() string {
	var b strings.Builder
	columns := [2]int{chartTop, chartTop} // how far down each is filled
	for _, row := range r.rows {
		column := 0
		if columns[1] < columns[0] {
			column = 1
		}
		columns[column] += drawGroup(&b, row, r.parties, column*(groupWidth+groupGap), columns[column])
	}
	height := max(columns[0], columns[1]) + chartBottom
	foot := fmt.Sprintf("Server CPU time, and memory; shorter is better. Medians of %d rounds, %s.", r.rounds, r.began.UTC().Format("2006-01-02"))
	return fmt.Sprintf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label="What WebSocket costs a server: Parley and others">`+
		"\n<style>%s\n</style>\n%s<text x=\"0\" y=\"%d\">%s</text>\n</svg>\n",
		chartWidth, height, chartWidth, height, style, b.String(), height-6, html.EscapeString(foot))
}

// drawGroup draws a row's bars, and returns how high they are in all.
func drawGroup(b *strings.Builder, row rowResult, parties []party, x, y int) int {
	longest := 0.0
	for _, p := range parties {
		if m := median(row.values(p.name)); !math.IsNaN(m) {
			longest = max(longest, m)
		}
	}
	fmt.Fprintf(b, "<text class=\"title\" x=\"%d\" y=\"%d\">%s</text>\n", x, y+10, html.EscapeString(row.title))
	fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\">%s</text>\n", x, y+24, html.EscapeString(row.unit))
	height := titleHeight
	for _, p := range parties {
		m := median(row.values(p.name))
		if math.IsNaN(m) {
			continue
		}
		bar, text := "bar", ""
		switch p.kind {
		case ours:
			bar, text = "ours", "us"
		case limit:
			bar = "limit"
		}
		top := y + height
		width := m / longest * (groupWidth - labelWidth - valueWidth)
		fmt.Fprintf(b, "<text class=\"%s\" x=\"%d\" y=\"%d\">%s</text>", text, x, top+barHeight-2, html.EscapeString(p.label))
		fmt.Fprintf(b, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"1\"/>", bar, x+labelWidth, top, max(width, 1), barHeight)
		fmt.Fprintf(b, "<text class=\"%s\" x=\"%.1f\" y=\"%d\">%s</text>\n", text, float64(x+labelWidth)+width+5, top+barHeight-2, number(m))
		height += barPitch
	}
	return height + groupSpace
}
