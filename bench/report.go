package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A report is what is written of a run.
type report struct {
	rows    []rowResult
	parties []party
	rounds  int
	began   time.Time
	took    time.Duration
	about   []string // the machine, and the versions
}

// about says on what, and what, was measured.
func (b *bench) about(parties []party) ([]string, error) {
	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		return nil, err
	}
	about := []string{
		fmt.Sprintf("Machine: %s, %d CPUs, Linux %s", cpuModel(), runtime.NumCPU(), unix.ByteSliceToString(uname.Release[:])),
		"Go: " + strings.TrimPrefix(runtime.Version(), "go"),
	}
	told := map[string]bool{}
	for _, p := range parties {
		v, err := p.version(b.bin)
		if err != nil {
			return nil, err
		}
		name := strings.TrimPrefix(p.module, "github.com/")
		if p.kind == otherPeer {
			name = "npm " + p.module
		}
		if p.kind == ours {
			name = "Parley"
		}
		if p.kind != limit && !told[name] {
			told[name] = true
			about = append(about, name+": "+v)
		}
	}
	return about, nil
}

func cpuModel() string {
	info, _ := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

func (r *report) markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "# What WebSocket costs a server\n\n")
	fmt.Fprintf(&b, "Server CPU time (user and system) per unit of work; of idle connections the memory. Lower is better. Medians of %d rounds,\n", r.rounds)
	fmt.Fprintf(&b, "begun %s, which took %s. How it is measured: [performance.md](../docs/performance.md).\n\n", r.began.UTC().Format("2006-01-02 15:04 MST"), r.took.Round(time.Second))
	for _, line := range r.about {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	b.WriteString("\n| work | unit |")
	line := "|---|---|"
	var columns []party
	for _, p := range r.parties {
		for _, row := range r.rows {
			if len(row.values(p.name)) > 0 {
				columns = append(columns, p)
				fmt.Fprintf(&b, " %s |", p.label)
				line += "---:|"
				break
			}
		}
	}
	b.WriteString("\n" + line + "\n")
	for _, row := range r.rows {
		fmt.Fprintf(&b, "| %s | %s |", row.title, row.unit)
		for _, p := range columns {
			fmt.Fprintf(&b, " %s |", number(median(row.values(p.name))))
		}
		b.WriteString("\n")
	}
	b.WriteString("\nRatios are of figures from the same round; in brackets the lowest and the highest. A bar counts as met within 3 %.\n")
	b.WriteString("\n| work | bar | measured | |\n|---|---|---:|---|\n")
	for _, row := range r.rows {
		for _, v := range row.verdicts() {
			mark, format := "**missed**", "%.0f (%.0f to %.0f)"
			if v.met {
				mark = "met"
			}
			if v.ratio {
				format = "%.3f (%.3f to %.3f)"
			}
			fmt.Fprintf(&b, "| %s | %s | "+format+" | %s |\n", row.title, v.what, v.figure, v.low, v.high, mark)
		}
	}
	for _, row := range r.rows {
		if len(row.sizes) == 0 {
			continue
		}
		b.WriteString("\nA compressed message of " + fmt.Sprint(row.size) + " bytes takes on its way back:")
		for i, p := range columns {
			if row.sizes[p.name] > 0 {
				fmt.Fprintf(&b, "%s %s %d", map[bool]string{true: "", false: ","}[i == 0], p.label, row.sizes[p.name])
			}
		}
		b.WriteString(" bytes.\n")
	}
	return b.String()
}
