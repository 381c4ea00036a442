// Command karez is the real-time delivery tier for AI chat: gateway, worker
// and the tools around them in one binary. Each subcommand has its own file;
// serve.go, read downwards, shows the whole program.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// version is set by the release build.
var version = "dev"

type cli struct {
	LogLevel slog.Level       `help:"Least level that is logged: debug, info, warn, error." default:"info" env:"KAREZ_LOG_LEVEL"`
	LogJSON  bool             `name:"log-json" help:"Log JSON lines instead of text." env:"KAREZ_LOG_JSON"`
	Version  kong.VersionFlag `help:"Print the version."`

	Dev   devCmd   `cmd:"" help:"Run everything in one process on this machine, with a chat page."`
	Serve serveCmd `cmd:"" help:"Run a gateway: clients connect to it."`
	Work  workCmd  `cmd:"" help:"Run a worker: it answers prompts with a model."`
	Token tokenCmd `cmd:"" help:"Mint a token for a client or a back end."`
	Chat  chatCmd  `cmd:"" help:"Chat in the terminal, or ask once and print the answer."`
}

func main() {
	var c cli
	parser := kong.Must(&c, kong.Name("karez"), kong.Vars{"version": version, "user": cmp.Or(os.Getenv("USER"), "me")},
		kong.Description("Real-time delivery for AI chat: a turn is a log, a connection is a cursor on it."))
	k, err := parser.Parse(os.Args[1:])
	if err != nil {
		mistaken(err)
	}
	h := slog.Handler(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: c.LogLevel}))
	if c.LogJSON {
		h = slog.NewJSONHandler(os.Stderr, &slog.HandlerOptions{Level: c.LogLevel})
	}
	log := slog.New(h)
	slog.SetDefault(log)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	k.BindTo(ctx, (*context.Context)(nil))
	k.Bind(log)
	err = k.Run()
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "karez:", err)
		os.Exit(exitCode(err))
	}
}
