package sqlite

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
)

func TestSearchAfterACommitThatFailed(t *testing.T) {
	w := newWorld(t)
	say := func(id, text string) error {
		body, _ := json.Marshal(map[string]string{"text": text})
		_, err := w.Append(w.Context(), []parley.Draft{
			{Room: parley.Lobby, User: w.ann, ID: id, Kind: parley.KindText, Body: body, Time: time.UnixMilli(1e12).UTC()},
		})
		return err
	}
	if err := say("a", "first fruit: apple"); err != nil {
		t.Fatal(err)
	}
	w.breaks(failing("COMMIT", errDisk), nil)
	for range 2 {
		w.unavailable("Append", say("b", "lost fruit: banana"), errDisk)
	}
	w.breaks(nil, nil)
	if err := say("c", "second fruit: cherry"); err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]string{"fruit": "lobby 2, lobby 1", "banana": "", "cherry": "lobby 2"} {
		if got := w.found(w.ann.ID, word); got != want {
			t.Errorf("found of %s: %q, want %q", word, got, want)
		}
	}
}
