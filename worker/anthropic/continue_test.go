package anthropic_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/anthropic"
	"github.com/karez/karez/worker/stream/streamtest"
)

func TestRequestBody(t *testing.T) {
	c, sent := streamtest.Recorder(streamtest.Story{Status: 400, Header: http.Header{}})
	if _, err := newProvider(t, "http://model.test", c, streamtest.Story{}).Stream(context.Background(), streamtest.Conversation(), func(turn.Event) error { return nil }); err == nil {
		t.Fatal("status 400 is no error")
	}
	want := `{"max_tokens":8192,"messages":[{"content":"How warm is it in Yazd?","role":"user"},` +
		`{"content":[{"text":"Let me look.","type":"text"},{"id":"c1","input":{"city":"Yazd"},"name":"weather","type":"tool_use"},{"id":"c2","input":{},"name":"clock","type":"tool_use"}],"role":"assistant"},` +
		`{"content":[{"content":"{\"c\":31}","tool_use_id":"c1","type":"tool_result"},{"content":"no clock","is_error":true,"tool_use_id":"c2","type":"tool_result"}],"role":"user"},` +
		`{"content":[{"text":"31 degrees.","type":"text"}],"role":"assistant"},` +
		`{"content":[{"source":{"data":"AAEC","media_type":"image/png","type":"base64"},"type":"image"},{"text":"And this?","type":"text"}],"role":"user"}],` +
		`"model":"small-2","stream":true,"system":"Be brief.","temperature":0.5}`
	if string(sent.Body) != want {
		t.Fatalf("sent\n%s\nwant\n%s", sent.Body, want)
	}
	if sent.Header.Get("X-Api-Key") != streamtest.Secret || sent.Header.Get("Anthropic-Version") == "" || sent.URL != "http://model.test/v1/messages" {
		t.Fatalf("%s with %v", sent.URL, sent.Header)
	}
}

func text(part, s string) turn.Part {
	return turn.Part{Kind: turn.KindText, ID: part, Data: []byte(s)}
}

func TestCanContinue(t *testing.T) {
	for _, x := range []struct {
		name   string
		sofar  []turn.Part
		params string
		want   bool
	}{
		{"text", []turn.Part{text("", "It is")}, "", true},
		{"two texts", []turn.Part{text("", "It "), text("2", "is")}, `{"thinking":{"type":"disabled"},"output_config":{"effort":"low"}}`, true},
		{"nothing", nil, "", false},
		{"white space", []turn.Part{text("", " \n")}, "", false},
		{"a tool", []turn.Part{text("", "It is"), {Kind: turn.KindTool, ID: "c1"}}, "", false},
		{"thought", []turn.Part{{Kind: turn.KindReasoning, Data: []byte("Hm")}, text("", "It is")}, "", false},
		{"thinking on", []turn.Part{text("", "It is")}, `{"thinking":{"type":"enabled","budget_tokens":1024}}`, false},
		{"a format", []turn.Part{text("", "{")}, `{"output_config":{"format":{"type":"json_schema"}}}`, false},
		{"an older format", []turn.Part{text("", "{")}, `{"output_format":{"type":"json_schema"}}`, false},
		{"broken parameters", []turn.Part{text("", "It is")}, `[]`, false},
	} {
		req := streamtest.Request()
		req.Sofar, req.Params = x.sofar, json.RawMessage(x.params)
		if got := newProvider(t, "http://model.test", nil, streamtest.Story{}).(worker.Continuer).CanContinue(req); got != x.want {
			t.Errorf("%s: %v, want %v", x.name, got, x.want)
		}
	}
}

// goOn continues an answer and returns what the model was given and what came.
func goOn(t *testing.T, said string, sofar ...turn.Part) (prefill, shown string) {
	t.Helper()
	var body strings.Builder
	for _, delta := range strings.SplitAfter(said, "|") {
		p, err := json.Marshal(map[string]any{"type": "content_block_delta", "delta": map[string]string{"type": "text_delta", "text": strings.TrimSuffix(delta, "|")}})
		if err != nil {
			t.Fatal(err)
		}
		body.WriteString("data: " + string(p) + "\n\n")
	}
	body.WriteString(`data: {"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"c9","name":"clock","input":{}}}` + "\n\n" +
		`data: {"type":"content_block_delta","index":2,"delta":{"type":"text_delta","text":"After."}}` + "\n\n" + `data: {"type":"message_stop"}` + "\n\n")
	c, sent := streamtest.Recorder(streamtest.Story{Status: 200, Header: http.Header{}, Body: []byte(body.String())})
	req := streamtest.Request()
	req.Sofar = sofar
	var evs []turn.Event
	reason, err := newProvider(t, "http://model.test", c, streamtest.Story{}).Stream(context.Background(), req, func(ev turn.Event) error {
		ev.Seq = turn.Seq(len(evs) + 1)
		evs = append(evs, ev)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := streamtest.Check(evs); err != nil {
		t.Fatal(err)
	}
	var asked struct {
		Messages []struct{ Role, Content string }
	}
	if err := json.Unmarshal(sent.Body, &asked); err != nil {
		t.Fatal(err)
	}
	last := asked.Messages[len(asked.Messages)-1]
	return last.Role + ": " + last.Content, streamtest.Show(evs, reason, err)
}

// The model goes on from the text without the white space at its end, and the
// white space that readers have is not shown twice. What follows a tool is a
// part that the answer does not have yet.
func TestContinue(t *testing.T) {
	for _, x := range []struct {
		name    string
		sofar   []turn.Part
		said    string
		prefill string
		shown   string
	}{
		{"inside a word", []turn.Part{text("", "It is bl")}, "ue.", "It is bl", `text "ue."` + "\n"},
		{"after a blank", []turn.Part{text("", "It is ")}, " blue.", "It is", `text "blue."` + "\n"},
		{"after blanks that come in pieces", []turn.Part{text("", "It is:\n\n")}, "\n|\n|* blue", "It is:", `text "* blue"` + "\n"},
		{"other white space", []turn.Part{text("", "It is\n")}, " blue", "It is", `text " blue"` + "\n"},
		{"wide blanks", []turn.Part{text("", "青い\u3000")}, "\u3001です", "青い", `text "、です"` + "\n"},
		{"in a later part", []turn.Part{text("", "It "), text("2", "is")}, " blue.", "It is", `text part=2 " blue."` + "\n"},
	} {
		t.Run(x.name, func(t *testing.T) {
			after := "2"
			if len(x.sofar) > 1 {
				after = "3"
			}
			want := x.shown + `tool part=c9 name=clock ""` + "\n" + `text part=` + after + ` "After."` + "\n= stop\n"
			prefill, shown := goOn(t, x.said, x.sofar...)
			if prefill != "assistant: "+x.prefill || shown != want {
				t.Fatalf("asked to go on from %q, shown\n%s\nwant\n%s", prefill, shown, want)
			}
		})
	}
}

// A model that refuses a prefill is asked afresh the next time.
func TestModelWithoutPrefill(t *testing.T) {
	c, _ := streamtest.Recorder(streamtest.Story{Status: 400, Header: http.Header{}, Body: []byte(
		`{"type":"error","error":{"type":"invalid_request_error","message":"This model does not support assistant message prefill. The conversation must end with a user message."}}`)})
	p := newProvider(t, "http://model.test", c, streamtest.Story{})
	req := streamtest.Request()
	req.Sofar = []turn.Part{text("", "It is")}
	_, err := p.Stream(context.Background(), req, func(turn.Event) error { return nil })
	if pe := worker.AsProviderError(err); !pe.Retry || pe.Code != turn.CodeProviderRejected {
		t.Fatalf("%+v", pe)
	}
	if p.(worker.Continuer).CanContinue(req) {
		t.Fatal("it would be asked to go on again")
	}
	req.Model = "another"
	if !p.(worker.Continuer).CanContinue(req) {
		t.Fatal("another model is not asked to go on")
	}
}

func TestOptions(t *testing.T) {
	for _, x := range []struct {
		o    anthropic.Options
		want string
	}{
		{anthropic.Options{}, "ANTHROPIC_API_KEY"},
		{anthropic.Options{BaseURL: "proxy:1"}, "https://api.anthropic.com/v1"},
	} {
		if _, err := anthropic.New(x.o); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%+v: %v, want %q", x.o, err, x.want)
		}
	}
}
