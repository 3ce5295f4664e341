package sqlite

import (
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/seed-4a326f83/parley"
)

func TestNearlyFullDiskRefusesToAppendAndRecovers(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "parley.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if free, err := s.free(); err != nil || free == 0 {
		t.Fatalf("the disk has %d bytes free, %v", free, err)
	}
	ann, err := s.CreateGuest(t.Context(), parley.User{ID: "u1", Name: "ann"}, parley.SessionHash{1}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := s.Join(t.Context(), parley.Lobby, ann.ID, false, time.Now()); err != nil {
		t.Fatal(err)
	}
	free := uint64(reserve)
	s.free = func() (uint64, error) { return free, nil }
	say := func(id string) error {
		_, err := s.Append(t.Context(), []parley.Draft{{
			Room: parley.Lobby, User: ann, ID: id, Kind: parley.KindText, Body: json.RawMessage(`{}`), Time: time.Now(),
		}})
		return err
	}
	if err := say("1"); err != nil {
		t.Fatal(err)
	}
	free--
	if err := say("2"); parley.ErrorCode(err) != parley.CodeUnavailable {
		t.Errorf("with too little space: %v", err)
	}
	page, err := s.History(t.Context(), parley.Lobby, parley.Range{Limit: 10})
	if err != nil || len(page.Messages) != 1 {
		t.Errorf("reading with too little space: %v, %v", page.Messages, err)
	}
	free++
	if err := say("2"); err != nil {
		t.Errorf("with space again: %v", err)
	}
}
