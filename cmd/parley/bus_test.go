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
	const bus = "--bus=nats://127.0.0.1:4222"
	for _, right := range [][]string{
		{}, {bus}, {"--bus=tls://parley:secret@nats.example.org", bus}, {"--bus=nats://a:1,nats://b:2", "--bus-name=other"},
		{bus, "--bus-creds=" + file, "--bus-ca=" + file}, {bus, "--bus-nkey=" + file, "--bus-cert=" + file, "--bus-key=" + file},
	} {
		if _, err := parse(right...); err != nil {
			t.Errorf("%q: %v", right, err)
		}
	}
	for _, wrong := range [][]string{
		{"--bus=127.0.0.1:4222"}, {"--bus=http://127.0.0.1"}, {"--bus=nats://"}, {bus, "--bus=x"},
		{"--bus-creds=" + file}, {bus, "--bus-creds=" + file, "--bus-nkey=" + file},
		{bus, "--bus-cert=" + file}, {bus, "--bus-key=" + file}, {bus, "--bus-ca=" + file + "-absent"},
	} {
		if _, err := parse(wrong...); err == nil {
			t.Errorf("%q is taken", wrong)
		}
	}
}
