package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestBusFlagsBelongTogether(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	const (
		store = "--store=postgres://parley@127.0.0.1/parley"
		bus   = "--bus=nats://127.0.0.1:4222"
	)
	for _, right := range [][]string{
		{}, {store}, {store, bus}, {store, "--bus=tls://parley:secret@nats.example.org", bus}, {store, "--bus=nats://a:1,nats://b:2", "--bus-name=other"},
		{store, bus, "--bus-creds=" + file, "--bus-ca=" + file}, {store, bus, "--bus-nkey=" + file, "--bus-cert=" + file, "--bus-key=" + file},
	} {
		if _, err := parse(right...); err != nil {
			t.Errorf("%q: %v", right, err)
		}
	}
	for _, wrong := range [][]string{
		{bus}, {store, "--bus=127.0.0.1:4222"}, {store, "--bus=http://127.0.0.1"}, {store, "--bus=nats://"}, {store, bus, "--bus=x"},
		{store, "--bus-creds=" + file}, {store, bus, "--bus-creds=" + file, "--bus-nkey=" + file},
		{store, bus, "--bus-cert=" + file}, {store, bus, "--bus-key=" + file}, {store, bus, "--bus-ca=" + file + "-absent"},
	} {
		if _, err := parse(wrong...); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}
