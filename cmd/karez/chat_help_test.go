package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/karez/karez/client"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// Who opens an old conversation is told the keys, until they press one.
func TestChatTellsTheKeys(t *testing.T) {
	d := newDesk(t, 120, 20)
	d.chatModel = &chatModel{channel: "chat:42", actions: d.actions}
	d.take(tea.WindowSizeMsg{Width: 120, Height: 20})
	d.take(statusMsg{State: client.Open, User: "ada"})
	d.hides("Ctrl-D quits")
	old := turn.Answer{State: turn.Completed, Parts: []turn.Part{{Kind: turn.KindText, Data: []byte("Air.")}}}
	d.take(eventMsg{client.Page{
		History: &wire.History{Turns: []wire.HistoryTurn{{Turn: "t1", State: turn.Completed, Prompt: &turn.Prompt{Text: "Why?"}}}},
		Answers: map[string]*turn.Answer{"t1": &old},
	}})
	d.shows("> Why?", "Air.", "Ctrl-D quits", "/help says more")
	d.write("x")
	d.hides("Ctrl-D quits")
}

func TestChatHelp(t *testing.T) {
	d := newDesk(t, 80, 20)
	d.write("/help")
	d.press(enter)
	d.shows("Alt-Enter or Ctrl-J begins a new line", "karez chat -n begins a new conversation")
	if len(d.did) > 0 {
		t.Errorf("the server was asked: %v", d.did)
	}
	d.write("hi")
	d.press(enter)
	d.hides("Alt-Enter")
	if len(d.did) != 1 || d.did[0] != "prompt hi" {
		t.Errorf("%v", d.did)
	}
}

// What was answered last stays in the terminal after the conversation is left.
func TestChatLeavesTheLastAnswer(t *testing.T) {
	d := newDesk(t, 60, 12)
	if got := d.farewell(); got != "" {
		t.Errorf("of nothing: %q", got)
	}
	for _, name := range []string{"t1", "t2"} {
		d.begun(name, name, "")
		d.event(name, 1, turn.KindPrompt, `{"text":"about `+name+`"}`)
		d.event(name, 2, turn.KindText, "this is "+name)
	}
	got := ansi.Strip(d.farewell())
	if got != "> about t2\nthis is t2\n(the answer goes on: karez chat -c chat:42 shows it)\n" {
		t.Errorf("%q", got)
	}
	d.event("t2", 3, turn.KindEnd, `{"reason":"stop"}`)
	if got := ansi.Strip(d.farewell()); got != "> about t2\nthis is t2\n" {
		t.Errorf("after its end: %q", got)
	}
}

// Warnings of the client are told in plain words, and once.
func TestStatusLog(t *testing.T) {
	var told, logged bytes.Buffer
	l := slog.New(&statusLog{out: &told, next: slog.NewTextHandler(&logged, nil)})
	for range 3 {
		l.Warn("trying again", "code", "unavailable")
	}
	l.Debug("nothing")
	l.Info("something")
	if told.String() != "karez: trying again\n" || strings.Count(logged.String(), "\n") != 1 {
		t.Errorf("told %q, logged %q", &told, &logged)
	}
}

func TestUnreachable(t *testing.T) {
	for text, want := range map[string]string{
		"dial tcp 127.0.0.1:1: connect: connection refused":                       "no server at http://x (start one with karez dev, or give --url)",
		"failed to WebSocket dial: Get \"http://x/v1/ws\": EOF":                   "what listens at http://x is no Karez server (give the address of one with --url)",
		"net/http: HTTP/1.x transport connection broken: malformed HTTP response": "what listens at http://x is no Karez server (give the address of one with --url)",
		"lookup x: no such host":                                                  "no server at http://x: lookup x: no such host (start one with karez dev, or give --url)",
	} {
		if got := reason(unreachable("http://x", &wire.Error{Code: client.CodeConnect, Message: text})); got != want {
			t.Errorf("%s: %s", text, got)
		}
	}
}
