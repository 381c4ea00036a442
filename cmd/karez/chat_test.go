package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/karez/karez/client"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A desk is a model whose actions are written down.
type desk struct {
	*chatModel
	t     *testing.T
	did   []string
	fails error
}

func newDesk(t *testing.T, width, height int) *desk {
	d := &desk{t: t}
	d.chatModel = &chatModel{channel: "chat:42", server: "http://localhost", actions: actions{
		prompt:     func(p turn.Prompt) error { d.did = append(d.did, "prompt "+p.Text); return d.fails },
		regenerate: func(name, _ string) error { d.did = append(d.did, "regenerate "+name); return d.fails },
		cancel: func(name, message string) error {
			if name == "" {
				name = "message"
			}
			d.did = append(d.did, "cancel "+name)
			return d.fails
		},
		wake: func() { d.did = append(d.did, "wake") },
	}}
	d.take(tea.WindowSizeMsg{Width: width, Height: height})
	d.take(statusMsg{State: client.Open, User: "ada"})
	d.take(eventMsg{client.Page{History: &wire.History{}}})
	return d
}

// take gives the model a message and carries out what it asks for. It reports
// whether the program ends.
func (d *desk) take(msg tea.Msg) (quits bool) {
	_, cmd := d.Update(msg)
	if cmd == nil {
		return false
	}
	next := cmd()
	if _, ok := next.(tea.QuitMsg); ok {
		return true
	}
	return d.take(next)
}

func (d *desk) press(keys ...tea.KeyPressMsg) (quits bool) {
	for _, k := range keys {
		quits = d.take(k)
	}
	return quits
}

func (d *desk) write(s string) {
	for _, r := range s {
		d.press(tea.KeyPressMsg{Code: r, Text: string(r)})
	}
}

func (d *desk) begun(name, message, supersedes string) {
	d.take(eventMsg{client.Begun{Turn: name, Message: message, User: "ada", Supersedes: supersedes}})
}

func (d *desk) event(name string, seq turn.Seq, k turn.Kind, data string) {
	d.take(eventMsg{client.Delta{Turn: name, Event: turn.Event{Seq: seq, Kind: k, Data: []byte(data)}}})
}

// screen is what is shown, without styles.
func (d *desk) screen() string { return ansi.Strip(d.View().Content) }

func (d *desk) shows(want ...string) {
	d.t.Helper()
	for _, w := range want {
		if !strings.Contains(d.screen(), w) {
			d.t.Errorf("the screen does not show %q:\n%s", w, d.screen())
		}
	}
}

func (d *desk) hides(not string) {
	d.t.Helper()
	if strings.Contains(d.screen(), not) {
		d.t.Errorf("the screen shows %q:\n%s", not, d.screen())
	}
}

var (
	enter    = tea.KeyPressMsg{Code: tea.KeyEnter}
	escape   = tea.KeyPressMsg{Code: tea.KeyEscape}
	ctrlC    = tea.KeyPressMsg{Code: 'c', Mod: tea.ModCtrl}
	ctrlD    = tea.KeyPressMsg{Code: 'd', Mod: tea.ModCtrl}
	ctrlR    = tea.KeyPressMsg{Code: 'r', Mod: tea.ModCtrl}
	pageUp   = tea.KeyPressMsg{Code: tea.KeyPgUp}
	pageDown = tea.KeyPressMsg{Code: tea.KeyPgDown}
)

// From the prompt to the end of its answer, as one sees it.
func TestChatShowsAnAnswer(t *testing.T) {
	d := newDesk(t, 60, 12)
	d.shows("Ask something")
	d.write("Why is the sky blue?")
	d.shows("> Why is the sky blue?")
	d.press(enter)
	d.shows("> Why is the sky blue?", "sending · Esc stops")
	message := d.conv.drafts[0].message
	d.begun("t1", message, "")
	d.event("t1", 1, turn.KindPrompt, `{"message":"`+message+`","user":"ada","text":"Why is the sky blue?"}`)
	d.shows("waiting for the answer")
	d.event("t1", 2, turn.KindText, "Air scatters ")
	d.event("t1", 3, turn.KindText, "short waves most.")
	d.shows("Air scatters short waves most.", "answering")
	if n := strings.Count(d.screen(), "Why is"); n != 1 {
		t.Errorf("the prompt is shown %d times:\n%s", n, d.screen())
	}
	d.event("t1", 4, turn.KindEpoch, `{"epoch":2,"keep":2,"parts":[{"kind":"text","bytes":4}],"reason":"provider_retry"}`)
	d.shows("Air")
	d.hides("scatters") // taken back
	d.event("t1", 5, turn.KindEnd, `{"reason":"stop"}`)
	d.hides("answering")
	d.shows("chat:42")
	if got := fmt.Sprint(d.did); got != "[prompt Why is the sky blue?]" {
		t.Errorf("did %s", got)
	}
}

// One key cancels, before the turn is known by its message; a second Ctrl-C
// quits, and so does Ctrl-D.
func TestChatCancelsAndQuits(t *testing.T) {
	d := newDesk(t, 40, 10)
	d.write("hm")
	d.press(enter, escape)
	d.begun("t1", d.conv.drafts[0].message, "")
	d.event("t1", 1, turn.KindText, "a")
	if d.press(ctrlC) {
		t.Fatal("one Ctrl-C quits")
	}
	d.shows("Ctrl-C again quits")
	d.event("t1", 2, turn.KindCancelled, `{"by":"ada"}`)
	d.shows("(cancelled)")
	if got := fmt.Sprint(d.did[1:]); got != "[cancel message cancel t1]" {
		t.Errorf("did %s", got)
	}
	if d.press(escape, ctrlC) {
		t.Fatal("another key between does not count")
	}
	if !d.press(ctrlC) {
		t.Error("Ctrl-C twice does not quit")
	}
	d.write("x")
	if d.press(ctrlD) {
		t.Error("Ctrl-D quits while something is written")
	}
	d.press(tea.KeyPressMsg{Code: tea.KeyBackspace})
	if !d.press(ctrlD) {
		t.Error("Ctrl-D does not quit")
	}
}

// Asking again puts the new answer in the place of the old.
func TestChatRegenerates(t *testing.T) {
	d := newDesk(t, 40, 10)
	d.press(ctrlR)
	d.shows("nothing to ask again")
	d.begun("t1", "m1", "")
	d.event("t1", 1, turn.KindPrompt, `{"text":"tell me"}`)
	d.event("t1", 2, turn.KindText, "old answer")
	d.event("t1", 3, turn.KindError, `{"code":"provider_timeout","message":"the model was silent"}`)
	d.shows("the model was silent · Ctrl-R asks again")
	d.press(ctrlR)
	d.shows("tell me", "sending")
	d.hides("old answer")
	d.begun("t2", d.conv.drafts[0].message, "t1")
	d.event("t2", 1, turn.KindText, "new answer")
	d.shows("tell me", "new answer")
	d.hides("old answer")
	if got := fmt.Sprint(d.did); got != "[regenerate t1]" {
		t.Errorf("did %s", got)
	}
}

func TestChatTellsWhatWentWrong(t *testing.T) {
	d := newDesk(t, 60, 10)
	d.fails = &wire.Error{Code: wire.CodeForbidden, Message: "not allowed", Hint: "ask for a token that allows it"}
	d.write("hm")
	d.press(enter)
	d.shows("not sent: not allowed (ask for a token that allows it)")
	d.take(statusMsg{State: client.Waiting, Err: &wire.Error{Code: client.CodeConnect, Message: "connection refused"}})
	d.shows("reconnecting: connection refused")
	d.take(statusMsg{State: client.Connecting})
	d.shows("connecting to http://localhost")
	if why := errors.New("refused"); !d.take(endMsg{why}) || d.err != why {
		t.Error("the end of following does not end the program")
	}
}

// Who reads further up stays there while the answer grows.
func TestChatScrolls(t *testing.T) {
	d := newDesk(t, 20, 8)
	d.begun("t1", "m1", "")
	for i := range 30 {
		d.event("t1", turn.Seq(i+1), turn.KindText, fmt.Sprintf("line %d\n", i))
	}
	d.shows("line 29")
	d.press(pageUp)
	d.hides("line 29")
	before := strings.Split(d.screen(), "\n")[0]
	d.event("t1", 31, turn.KindText, "more\nand more\n")
	if now := strings.Split(d.screen(), "\n")[0]; now != before {
		t.Errorf("the view moved from %q to %q", before, now)
	}
	for range 20 {
		d.press(pageUp)
	}
	d.shows("line 0")
	for range 20 {
		d.press(pageDown)
	}
	d.shows("and more")
}

// Nothing is wider or higher than the terminal, whatever its size, and nothing
// in an answer controls it.
func TestChatFitsAnyTerminal(t *testing.T) {
	for width := range 45 {
		for _, height := range []int{0, 1, 2, 3, 5, 24} {
			d := newDesk(t, width, height)
			d.begun("t1", "m1", "")
			d.event("t1", 1, turn.KindPrompt, `{"text":"水は青い why 👩‍👩‍👧‍👦?"}`)
			d.event("t1", 2, turn.KindText, "Donaudampfschifffahrtsgesellschaft \x1b[31m\x1b]0;title\a naïve\ttab\r\n水は青い。水は青い。水は青い。 👩‍👩‍👧‍👦 ok\u202e")
			d.event("t1", 3, turn.KindTool, `{"q":1}`)
			d.take(tea.PasteMsg{Content: "pasted\r\nlines 水 of a longer text that wraps"})
			v := d.View()
			lines := strings.Split(v.Content, "\n")
			if width > 0 && height > 0 && len(lines) > height {
				t.Fatalf("%d×%d: %d lines", width, height, len(lines))
			}
			for _, l := range lines {
				if w := d.cells.StringWidth(l); w > width && width > 0 {
					t.Fatalf("%d×%d: %q is %d wide", width, height, l, w)
				}
				if s := ansi.Strip(l); strings.ContainsAny(s, "\x1b\a\r\t") || !utf8.ValidString(s) {
					t.Fatalf("%d×%d: %q", width, height, s)
				}
			}
		}
	}
}

func TestInput(t *testing.T) {
	var in input
	in.insert("naïve 👩‍👩‍👧‍👦 水")
	in.move(-1)
	in.backspace()
	in.backspace() // the family is one
	if got := in.text(); got != "naïve 水" {
		t.Fatalf("%q", got)
	}
	in.move(-100)
	in.delete()
	in.insert("N")
	in.move(100)
	in.insert("\x1b[31m e")
	in.insert("\u0301") // joins the e
	in.backspace()
	if got := in.text(); got != "Naïve 水[31m " {
		t.Fatalf("%q", got)
	}
	in.word()
	if got := in.text(); got != "Naïve " {
		t.Fatalf("%q", got)
	}
	lines, x, y := in.draw(ansi.WcWidth, 4)
	if strings.Join(lines, "|") != "Naïv|e " || x != 2 || y != 1 {
		t.Errorf("%q, cursor at %d, %d", lines, x, y)
	}
	in.clear()
	in.insert(strings.Repeat("x", maxInput+1))
	if !in.empty() {
		t.Error("more was taken than a prompt may have")
	}
}

// What was said before is shown from the page, and an unfinished answer goes on.
func TestChatContinuesFromAPage(t *testing.T) {
	d := newDesk(t, 60, 12)
	h := &wire.History{Turns: []wire.HistoryTurn{
		{Turn: "t1", At: 3, State: turn.Completed, Prompt: &turn.Prompt{Text: "first?"}},
		{Turn: "t2", At: 2, State: turn.Streaming, Prompt: &turn.Prompt{Text: "second?"}},
	}}
	d.take(eventMsg{client.Page{History: h, Answers: map[string]*turn.Answer{
		"t1": {At: 3, State: turn.Completed, Parts: []turn.Part{{Kind: turn.KindText, Data: []byte("One.")}}},
		"t2": {At: 2, State: turn.Streaming, Parts: []turn.Part{{Kind: turn.KindText, Data: []byte("Half of")}}},
	}}})
	d.event("t2", 3, turn.KindText, " two.")
	d.shows("> first?", "One.", "> second?", "Half of two.", "answering")
	d.take(eventMsg{client.Broken{Turn: "t2", Err: &wire.Error{Message: "the log cannot be read"}}})
	d.shows("the log cannot be read")
}

func TestExitCode(t *testing.T) {
	if n := exitCode(fmt.Errorf("chat: %w", &exitError{codeInterrupted, "interrupted"})); n != 130 {
		t.Errorf("interrupted ends with %d", n)
	}
	if n := exitCode(errors.New("other")); n != 1 {
		t.Errorf("an error ends with %d", n)
	}
}
