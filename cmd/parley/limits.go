package main

import (
	"errors"
	"fmt"

	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/server"
)

// limitFlags are the bounds on what people may do. Their defaults are those of
// [chat.DefaultLimits] and [server.DefaultLimits].
type limitFlags struct {
	PublishRate    float64 `default:"20" help:"Messages a second that one connection may publish; three times as many a person."`
	PublishBurst   int     `default:"60" help:"Messages that may come at once before the rate counts."`
	SignalRate     float64 `default:"60" help:"Signals, such as typing, a second of one connection; three times as many a person."`
	SignalBurst    int     `default:"120" help:"Signals that may come at once."`
	JoinRate       float64 `default:"1" help:"Rooms a second that a person may join for the first time, or make."`
	JoinBurst      int     `default:"10" help:"Rooms that may be joined at once."`
	CallRate       float64 `default:"20" help:"Calls of the HTTP API a second, of one person, or of one address where nobody is signed in."`
	CallBurst      int     `default:"60" help:"Calls that may come at once."`
	HandshakeRate  float64 `default:"10" help:"WebSockets a second that one address may open; loopback excepted."`
	HandshakeBurst int     `default:"20" help:"WebSockets that may be opened at once."`
	PerPerson      int     `name:"connections-per-person" default:"16" help:"WebSockets that one person may have."`
	PerAddress     int     `name:"connections-per-address" default:"256" help:"WebSockets that one address may have; loopback excepted."`
	Connections    *int    `help:"WebSockets in all (four fifths of the file descriptors that the system allows)."`
}

// check says which of them cannot be.
func (f *limitFlags) check() error {
	for _, r := range []struct {
		name  string
		rate  float64
		burst int
	}{
		{"publish", f.PublishRate, f.PublishBurst},
		{"signal", f.SignalRate, f.SignalBurst},
		{"join", f.JoinRate, f.JoinBurst},
		{"call", f.CallRate, f.CallBurst},
		{"handshake", f.HandshakeRate, f.HandshakeBurst},
	} {
		if r.rate < 0 || r.rate > 0 && r.burst < 1 {
			return fmt.Errorf("--%[1]s-rate must not be negative, and --%[1]s-burst be at least 1; --%[1]s-rate 0 sets no limit", r.name)
		}
	}
	if f.PerPerson < 0 || f.PerAddress < 0 || f.Connections != nil && *f.Connections < 0 {
		return errors.New("a number of connections must not be negative; 0 sets no limit")
	}
	return nil
}

func (f *limitFlags) chat() chat.Limits {
	return chat.Limits{
		PublishRate: f.PublishRate, PublishBurst: f.PublishBurst,
		SignalRate: f.SignalRate, SignalBurst: f.SignalBurst,
		JoinRate: f.JoinRate, JoinBurst: f.JoinBurst,
		Connections: f.PerPerson,
	}
}

func (f *limitFlags) server() server.Limits {
	l := server.Limits{
		Connections:   server.DefaultLimits().Connections,
		PerAddress:    f.PerAddress,
		HandshakeRate: f.HandshakeRate, HandshakeBurst: f.HandshakeBurst,
		CallRate: f.CallRate, CallBurst: f.CallBurst,
	}
	if f.Connections != nil {
		l.Connections = *f.Connections
	}
	return l
}
