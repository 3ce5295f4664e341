package server_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"

	"github.com/seed-4a326f83/parley/chat"
	"github.com/seed-4a326f83/parley/hub"
	"github.com/seed-4a326f83/parley/server"
	"github.com/seed-4a326f83/parley/sqlite"
	"github.com/seed-4a326f83/parley/web"
)

// Parley inside a server of one's own.
func ExampleServer() {
	dir, _ := os.MkdirTemp("", "parley")
	defer os.RemoveAll(dir)
	store, err := sqlite.Open(context.Background(), filepath.Join(dir, "parley.db"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()
	bus := hub.NewBus(1024)
	defer bus.Close()
	parley := server.New(server.Config{
		Chat: chat.New(chat.Config{Store: store, Bus: bus, Guests: true}),
		Page: web.Handler(),
	})
	defer parley.Shutdown(context.Background())

	s := httptest.NewServer(parley) // http.ListenAndServe("127.0.0.1:8080", parley) in a program
	defer s.Close()
	resp, err := http.Get(s.URL + "/healthz")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Print(string(body))
	// Output: ok
}
