package worker_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

// echo answers "re: " and the prompt, fails or breaks off as the prompt says,
// and keeps what it was asked.
func echo(asked chan<- worker.Request) stub {
	return func(_ context.Context, req worker.Request, emit func(turn.Event) error) (string, error) {
		asked <- req
		text := req.Messages[len(req.Messages)-1].Text
		if text == "fail" {
			return "", &worker.ProviderError{Code: turn.CodeProviderRejected, Message: "no"}
		}
		if err := emit(turn.Event{Kind: turn.KindTool, Part: "c1", Name: "look", Data: []byte(`{}`)}); err != nil {
			return "", err
		}
		if err := emit(turn.Event{Kind: turn.KindText, Data: []byte("re: " + text)}); err != nil {
			return "", err
		}
		if text == "break" {
			return "", &worker.ProviderError{Code: turn.CodeProviderRejected, Message: "no"}
		}
		return "stop", nil
	}
}

func said(ms []worker.Message) string {
	var b strings.Builder
	for _, m := range ms {
		fmt.Fprintf(&b, "%s:%s(%d)|", m.Role, m.Text, len(m.Parts))
	}
	return b.String()
}

func TestWhatTheModelIsShown(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		ctx := context.Background()
		if err := p.t.SetSettings(ctx, "app", "chat", channel.Settings{Model: "m1", Params: json.RawMessage(`{"temperature":1,"top_p":0.5}`)}); err != nil {
			t.Fatal(err)
		}
		asked := make(chan worker.Request, 100)
		stop := work(t, p.b, echo(asked), worker.Options{Settings: channel.Settings{System: "be brief", Model: "m0"}})
		for _, text := range []string{"one", "fail", "break"} {
			p.ended(p.prompt(text))
			<-asked
		}
		a := ask("four", "m4")
		a.Prompt.Params, a.Prompt.Content = json.RawMessage(`{"temperature":0}`), []turn.Content{{Type: "image", URL: "https://x/y.png"}}
		a.Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
		p.ended(p.ask(a))
		req := <-asked
		if got, want := said(req.Messages), "user:one(0)|assistant:re: one(2)|user:fail(0)|user:break(0)|assistant:re: break(1)|user:four(0)|"; got != want {
			t.Errorf("got  %s\nwant %s", got, want)
		}
		if req.System != "be brief" || req.Model != "m1" || string(req.Params) != `{"temperature":0,"top_p":0.5}` || req.User != "ada" || req.Trace != a.Trace {
			t.Errorf("%+v", req)
		}
		if len(req.Messages[len(req.Messages)-1].Content) != 1 {
			t.Error("the prompt lost its content")
		}
		b := ask("five", "m5")
		b.Prompt.System, b.Prompt.Model = "be long", "m2"
		p.ended(p.ask(b))
		if req := <-asked; req.System != "be long" || req.Model != "m2" || string(req.Params) != `{"temperature":1,"top_p":0.5}` {
			t.Errorf("%q %q %s", req.System, req.Model, req.Params)
		}
		stop()
	})
}

// An edited prompt sees what came before the turn it replaces, not that turn.
// What a client did with a tool is the result of the call, not something that
// the person said, in the turn that brings it and in later ones.
func TestToolResultsBelongToTheirCalls(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		asked := make(chan worker.Request, 100)
		stop := work(t, p.b, echo(asked), worker.Options{})
		p.ended(p.prompt("one"))
		<-asked
		no := false
		for _, r := range []turn.ToolResult{{Call: "c1", Tool: "look", Output: []byte(`"seen"`)}, {Call: "c1", Approval: "a1", Approved: &no, Reason: "never"}} {
			a := ask("", "")
			a.Prompt.Message, a.Prompt.Text, a.Prompt.Content = "m-"+r.Approval, "", []turn.Content{r.Content()}
			p.ended(p.ask(a))
			req := <-asked
			last := req.Messages[len(req.Messages)-1]
			part := last.Parts[len(last.Parts)-1]
			if want, _ := r.Part(); last.Role != "assistant" || part.Kind != want.Kind || part.ID != "c1" || string(part.Data) != string(want.Data) {
				t.Errorf("%s: %s %s %q", said(req.Messages), part.Kind, part.ID, part.Data)
			}
		}
		p.ended(p.prompt("two"))
		if got, want := said((<-asked).Messages), "user:one(0)|assistant:re: one(3)|assistant:re: re: one(3)|assistant:re: re: re: one(2)|user:two(0)|"; got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
		// A result of a call that is not told of is what the person said.
		a := ask("", "")
		a.Prompt.Message, a.Prompt.Text, a.Prompt.Content = "m-x", "", []turn.Content{turn.ToolResult{Call: "c9", Output: []byte(`1`)}.Content()}
		p.ended(p.ask(a))
		if req := <-asked; req.Messages[len(req.Messages)-1].Role != "user" {
			t.Error(said(req.Messages))
		}
		stop()
	})
}

func TestBranchesSeeTheirOwnPath(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		asked := make(chan worker.Request, 100)
		stop := work(t, p.b, echo(asked), worker.Options{})
		p.ended(p.prompt("one"))
		two := p.prompt("two")
		p.ended(two)
		a := ask("two!", "m")
		a.Prompt.Supersedes = two.Name
		p.ended(p.ask(a))
		<-asked
		<-asked
		if got, want := said((<-asked).Messages), "user:one(0)|assistant:re: one(2)|user:two!(0)|"; got != want {
			t.Errorf("got %s, want %s", got, want)
		}
		stop()
	})
}

func TestHistoryWindow(t *testing.T) {
	for _, c := range []struct {
		set  channel.Settings
		want int // messages before the prompt
	}{
		{channel.Settings{}, 12},
		{channel.Settings{HistoryMessages: -1}, 0},
		{channel.Settings{HistoryMessages: 1}, 0},
		{channel.Settings{HistoryMessages: 5}, 4},
		{channel.Settings{HistoryTokens: 1}, 0},
		{channel.Settings{HistoryTokens: 40}, 4}, // a turn of these costs 4+3 and 4+1+4+… tokens
	} {
		bubble(t, func(t *testing.T, p *place) {
			asked := make(chan worker.Request, 100)
			stop := work(t, p.b, echo(asked), worker.Options{Settings: c.set})
			var last worker.Request
			for i := range 7 {
				p.ended(p.prompt(fmt.Sprintf("message %d", i)))
				last = <-asked
			}
			if got := len(last.Messages) - 1; got != c.want {
				t.Errorf("%+v: %d messages before the prompt, want %d", c.set, got, c.want)
			}
			if m := last.Messages[len(last.Messages)-1]; m.Text != "message 6" {
				t.Errorf("%+v: the prompt is %q", c.set, m.Text)
			}
			stop()
		})
	}
}
