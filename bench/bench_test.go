package main

import (
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley/websocket"
)

var programs *bench

func TestMain(m *testing.M) {
	var err error
	if programs, err = prepare(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	code := m.Run()
	programs.close()
	os.Exit(code)
}

// TestEveryRowByEveryServer does all the work, little of it: the load client checks what comes back.
func TestEveryRowByEveryServer(t *testing.T) {
	for _, r := range rows {
		r.conns, r.size, r.measure = min(r.conns, 6), min(r.size, 300<<10), 10*time.Millisecond
		for _, p := range parties {
			p.warm = time.Millisecond
			if !r.takes(p) {
				continue
			}
			t.Run(r.name+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				if _, err := programs.one(context.Background(), r, p); err != nil {
					t.Error(err)
				}
			})
		}
	}
}

// TestServersDoWhatTheyShould talks to the servers with a client that has nothing to do with the load client.
func TestServersDoWhatTheyShould(t *testing.T) {
	for _, p := range parties {
		if p.kind == limit || p.name == "parley-tls" || p.speaks == socketIO {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			cpus, err := cpusFor(rows[0])
			if err != nil {
				t.Fatal(err)
			}
			s, err := startServer(p.command(programs.bin, rows[0], programs.tls), cpus)
			if err != nil {
				t.Fatal(err)
			}
			defer s.stop()
			ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
			defer cancel()
			dial := func(path string) *websocket.Conn {
				c, _, err := websocket.Dial(ctx, "ws://"+s.addr+path, nil)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { c.CloseNow() })
				return c
			}
			want := func(c *websocket.Conn, typ websocket.MessageType, text string) {
				t.Helper()
				got, data, err := c.Read(ctx)
				if err != nil || got != typ || string(data) != text {
					t.Fatalf("got a %v of %d bytes, %.50q, %v", got, len(data), data, err)
				}
			}

			c := dial("/echo")
			for _, typ := range []websocket.MessageType{websocket.MessageText, websocket.MessageBinary} {
				for _, size := range []int{0, 1, 125, 126, 5000, 1 << 16, 1 << 20} {
					text := strings.Repeat("x", size)
					if err := c.Write(ctx, typ, []byte(text)); err != nil {
						t.Fatal(err)
					}
					want(c, typ, text)
				}
			}
			fragments, err := c.Writer(ctx, websocket.MessageText)
			if err != nil {
				t.Fatal(err)
			}
			io.WriteString(fragments, "in two p\xC3")
			io.WriteString(fragments, "\xA4rts")
			if err := fragments.Close(); err != nil {
				t.Fatal(err)
			}
			want(c, websocket.MessageText, "in two pärts")
			if err := c.Write(ctx, websocket.MessageText, []byte("bad \xC3 text")); err != nil {
				t.Fatal(err)
			}
			if _, _, err := c.Read(ctx); websocket.CloseStatus(err) != websocket.StatusInvalidFramePayloadData {
				t.Errorf("text that is not UTF-8 gives %v", err)
			}

			// Who has got a message of its own is in the room.
			members := []*websocket.Conn{dial("/broadcast"), dial("/broadcast"), dial("/broadcast")}
			for i, c := range members {
				if err := c.Write(ctx, websocket.MessageText, fmt.Append(nil, i)); err != nil {
					t.Fatal(err)
				}
				for {
					_, data, err := c.Read(ctx)
					if err != nil {
						t.Fatal(err)
					}
					if string(data) == fmt.Sprint(i) {
						break
					}
				}
			}
			if err := members[1].Write(ctx, websocket.MessageBinary, []byte("for all")); err != nil {
				t.Fatal(err)
			}
			for _, c := range members {
				for {
					typ, data, err := c.Read(ctx)
					if err != nil {
						t.Fatal(err)
					}
					if typ == websocket.MessageBinary && string(data) == "for all" {
						break
					}
				}
			}
		})
	}
}

func TestOrderHasEverybodyOnce(t *testing.T) {
	seen := map[string]bool{}
	for round := range 5 {
		list := order(parties, round)
		sorted := names(list, func(p party) string { return p.name })
		seen[strings.Join(sorted, " ")] = true
		slices.Sort(sorted)
		all := names(parties, func(p party) string { return p.name })
		slices.Sort(all)
		if !slices.Equal(sorted, all) {
			t.Errorf("round %d: %v", round, sorted)
		}
	}
	if len(seen) != 5 {
		t.Errorf("there are %d different orders in 5 rounds", len(seen))
	}
}

func TestChoose(t *testing.T) {
	name := func(p party) string { return p.name }
	got, err := choose(parties, name, "raw, gws")
	if err != nil || len(got) != 2 || got[0].name != "raw" || got[1].name != "gws" {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := choose(parties, name, "rare"); err == nil {
		t.Error("somebody who does not exist was chosen")
	}
}

func someResults() []rowResult {
	var list []rowResult
	for _, r := range rows {
		result := rowResult{row: r, sizes: map[string]int64{}}
		for round := range 3 {
			figures := map[string]float64{}
			for i, p := range parties {
				if r.takes(p) {
					figures[p.name] = float64((i + 1) * 100 * (round + 1)) // the machine gets slower
				}
			}
			result.rounds = append(result.rounds, figures)
		}
		list = append(list, result)
	}
	return list
}

func TestRatiosAreOfOneRound(t *testing.T) {
	r := someResults()[0]
	for _, v := range r.verdicts() {
		if v.low != v.high {
			t.Errorf("the machine's slowness is in the ratio: %v", v)
		}
	}
	if r.bestGoPeer() != "gorilla" {
		t.Errorf("the best Go peer is %q", r.bestGoPeer())
	}
	v := r.verdicts()
	if len(v) != 2 || !v[0].met || v[0].figure != 100./1000 {
		t.Errorf("verdicts are %v", v)
	}
}

func TestMissedBarsAreToldSo(t *testing.T) {
	r := someResults()[0]
	for _, round := range r.rounds {
		round["parley-event"] = round["raw"] * 1.12 * 1.04
	}
	if v := r.verdicts()[0]; v.met || !strings.Contains(v.String(), "MISSED") {
		t.Errorf("4 %% above the bar is %v", v)
	}
	for _, round := range r.rounds {
		round["parley-event"] = round["raw"] * 1.12 * 1.02
	}
	if v := r.verdicts()[0]; !v.met {
		t.Errorf("2 %% above the bar is %v", v)
	}
}

func TestReport(t *testing.T) {
	r := &report{rows: someResults(), parties: parties, rounds: 3, about: []string{"Machine: <this>"}}
	text := r.markdown()
	for _, row := range rows {
		if !strings.Contains(text, "| "+row.title+" |") {
			t.Errorf("there is no row %q", row.title)
		}
	}
	chart := r.chart()
	d := xml.NewDecoder(strings.NewReader(chart))
	for {
		if _, err := d.Token(); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("the chart is not XML: %v", err)
		}
	}
	for _, p := range parties {
		if !strings.Contains(chart, ">"+p.label+"<") || !strings.Contains(text, " "+p.label+" |") {
			t.Errorf("%s is missing", p.label)
		}
	}
}
