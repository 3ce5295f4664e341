// Command parley is a chat server, a WebSocket client for the terminal, and
// what else one needs to run and try Parley. `parley --help` says more.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/alecthomas/kong"
)

// cli is the command line: a field a command.
type cli struct {
	Serve   serveCmd   `cmd:"" default:"withargs" help:"Run the chat server (this is what no command means)."`
	Connect connectCmd `cmd:"" help:"Talk to any WebSocket server from the terminal."`
	Migrate migrateCmd `cmd:"" help:"Move all of a server that keeps its data in a folder to PostgreSQL."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// A second Ctrl-C ends the program at once, unless it belongs to the first:
	// timeout(1) and some supervisors send two.
	context.AfterFunc(ctx, func() { time.AfterFunc(time.Second, stop) })

	var c cli
	command := kong.Parse(&c,
		kong.Name("parley"),
		kong.Description("A chat for your team in one binary, and WebSocket in Go."),
		kong.ShortUsageOnError(),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.DefaultEnvars("PARLEY"),
	)
	command.FatalIfErrorf(command.Run())
}

type versionCmd struct{}

func (versionCmd) Run() error {
	version := "(unknown)"
	if info, ok := debug.ReadBuildInfo(); ok {
		version = info.Main.Version
	}
	fmt.Printf("parley %s %s %s/%s\n", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return nil
}
