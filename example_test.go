package parley_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/seed-4a326f83/parley"
)

// What a client reads of a message.
func ExampleMessage() {
	m := parley.Message{
		Room: "lobby", Seq: 1, ID: "a1",
		From: parley.User{ID: "u1", Name: "ann"},
		Time: time.Date(2026, 11, 20, 9, 0, 0, 0, time.UTC),
		Kind: parley.KindText, Body: json.RawMessage(`{"text":"hi"}`),
	}
	fmt.Println(string(parley.EncodeJSON(m)))
	// Output: {"room":"lobby","seq":1,"id":"a1","from":{"id":"u1","name":"ann"},"time":"2026-11-20T09:00:00.000Z","kind":"text","body":{"text":"hi"}}
}

// The code is for programs, the message for people, the cause for the log.
func ExampleError() {
	err := fmt.Errorf("appending: %w", &parley.Error{
		Code: parley.CodeUnavailable, Message: "the disk is full; try again later", Err: errors.New("ENOSPC"),
	})
	fmt.Println(parley.ErrorCode(err))
	fmt.Println(parley.AsError(err).Message)
	fmt.Println(parley.ErrorCode(errors.New("anything else")))
	// Output:
	// unavailable
	// the disk is full; try again later
	// internal
}

// An event is encoded once, for everybody.
func ExampleEvent() {
	ev := parley.PresenceEvent("lobby", parley.User{ID: "u1", Name: "ann"}, true)
	fmt.Println(string(ev.JSON))
	// Output: {"type":"presence","room":"lobby","user":{"id":"u1","name":"ann"},"online":true}
}

// A connection is told why it is ended, and when to come back.
func ExampleEnding() {
	ev := parley.ByeEvent(parley.Ending{Code: parley.CloseRestart, Reason: "the server restarts", RetryAfter: time.Second})
	fmt.Println(string(ev.JSON))
	// Output: {"type":"bye","code":1001,"reason":"the server restarts","retry_after":1000}
}

// A token is the user's secret; its hash is what is kept.
func ExampleSessionToken() {
	token := parley.NewSessionToken()
	again := parley.SessionToken(string(token)) // as the client sends it back
	fmt.Println(len(token), token.Hash() == again.Hash(), token.Hash() == parley.NewSessionToken().Hash())
	// Output: 22 true false
}

func ExampleRoom() {
	fmt.Println(string(parley.EncodeJSON(parley.Room{ID: "lobby", Name: "lobby", Kind: parley.Public, First: 1, Last: 12})))
	fmt.Println(parley.ValidRoomID("dev-2"), parley.ValidRoomID("-dev"), parley.ValidRoomID("Dev"))
	// Output:
	// {"id":"lobby","name":"lobby","kind":"public","last":12}
	// true false false
}

// Names that differ in case alone are one, and the second to come gets a number.
func ExampleNameKey() {
	fmt.Println(parley.NameKey("Ann") == parley.NameKey("aNN"))
	fmt.Println(parley.NumberedName("ann", 2))
	// Output:
	// true
	// ann 2
}

func ExampleTime() {
	t := time.Date(2026, 11, 20, 10, 0, 0, 123456789, time.FixedZone("CET", 3600))
	fmt.Println(string(parley.EncodeJSON(parley.Time{Time: t})))
	// Output: "2026-11-20T09:00:00.123Z"
}
