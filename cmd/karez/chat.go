package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/charmbracelet/x/term"

	"github.com/karez/karez/client"
	"github.com/karez/karez/wire"
)

type chatCmd struct {
	URL       string   `help:"Address of the server." default:"http://localhost:8080" env:"KAREZ_SERVER"`
	Channel   string   `help:"Conversation; the last one by default." short:"c" placeholder:"NAME"`
	New       bool     `help:"Begin a new conversation." short:"n"`
	Token     string   `help:"Token to connect with; a karez dev server gives one by itself." env:"KAREZ_TOKEN"`
	JWTSecret string   `name:"jwt-secret" help:"Mint the token with this secret instead." env:"KAREZ_JWT_SECRET"`
	User      string   `help:"Who a minted token speaks for." default:"${user}" env:"KAREZ_USER"`
	App       string   `help:"App (tenant) of a minted token." default:"app"`
	Transport string   `help:"How to connect: ${enum}." enum:"auto,ws,sse" default:"auto"`
	Codec     string   `help:"Encoding on a WebSocket: ${enum}." enum:"json,msgpack,proto" default:"msgpack"`
	Prompt    []string `arg:"" optional:"" help:"What to ask: the answer goes to standard output. - reads it from standard input. Without it, on a terminal, a conversation begins."`
}

// An exitError ends the program with a code of its own.
type exitError struct {
	code int
	text string
}

func (e *exitError) Error() string { return e.text }

// exitCode returns the code with which err ends the program.
func exitCode(err error) int {
	if e := (*exitError)(nil); errors.As(err, &e) {
		return e.code
	}
	return 1
}

// codeInterrupted is what shells expect of a program that SIGINT ended.
const codeInterrupted = 130

// maxStdin bounds a prompt read from standard input, in bytes; the server
// takes less.
const maxStdin = 1 << 20

func (c *chatCmd) Run(ctx context.Context, log *slog.Logger) error {
	tty := len(c.Prompt) == 0 && term.IsTerminal(os.Stdin.Fd()) && term.IsTerminal(os.Stdout.Fd())
	prompt := ""
	if !tty {
		var err error
		if prompt, err = c.prompt(os.Stdin); err != nil {
			return err
		}
	}
	mem, err := openMemory(c.URL)
	if err != nil {
		log.Debug("remember conversations", "err", err) // it works without
	}
	channel := c.channel(mem)
	o := client.Options{Token: c.token(mem), Transport: transports[c.Transport], Codec: codecs[c.Codec], Name: "karez-chat/" + version}
	if !tty {
		o.Log = slog.New(&statusLog{out: os.Stderr, next: log.Handler()})
	}
	cl, err := client.New(c.URL, o)
	if err != nil {
		return err
	}
	defer cl.Close()
	if tty {
		return talk(ctx, cl, channel, c.URL)
	}
	p := plain{out: os.Stdout, status: os.Stderr, server: c.URL, clean: term.IsTerminal(os.Stdout.Fd())}
	return p.ask(ctx, cl, channel, prompt)
}

// prompt returns what was asked on the command line or standard input.
func (c *chatCmd) prompt(in io.Reader) (string, error) {
	prompt := strings.Join(c.Prompt, " ")
	if prompt == "-" || prompt == "" {
		p, err := io.ReadAll(io.LimitReader(in, maxStdin+1))
		if err != nil {
			return "", fmt.Errorf("read the prompt: %w", err)
		}
		if len(p) > maxStdin {
			return "", fmt.Errorf("the prompt on standard input has more than %d bytes", maxStdin)
		}
		prompt = strings.TrimSpace(strings.ToValidUTF8(string(p), "\uFFFD"))
	}
	if strings.TrimSpace(prompt) == "" {
		return "", errors.New("nothing to ask: write the prompt behind karez chat, or to its standard input")
	}
	return prompt, nil
}

// channel picks the conversation, and remembers it.
func (c *chatCmd) channel(mem *memory) string {
	name := c.Channel
	if name == "" && !c.New {
		name = mem.Channel
	}
	if name == "" {
		name = "chat:" + strings.ToLower(rand.Text()[:10])
	}
	mem.remember(func(m *memory) { m.Channel = name })
	return name
}

var transports = map[string]client.Transport{"auto": client.Auto, "ws": client.WebSocket, "sse": client.SSE}

var codecs = map[string]wire.Codec{"json": wire.JSON, "msgpack": wire.MessagePack, "proto": wire.Protobuf}
