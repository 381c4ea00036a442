package upstream_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/stream/streamtest"
	"github.com/karez/karez/worker/upstream"
)

// sent returns what is sent of a conversation in one shape.
func sent(t *testing.T, o upstream.Options, req worker.Request) *streamtest.Sent {
	t.Helper()
	c, s := streamtest.Recorder(streamtest.Story{Status: 200, Header: http.Header{"Content-Type": {"text/plain"}}, Body: []byte("ok")})
	o.URL, o.Client = "http://app.test/api/chat?k=1", c
	p, err := upstream.New(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Stream(context.Background(), req, func(turn.Event) error { return nil }); err != nil {
		t.Fatal(err)
	}
	return s
}

const (
	answerParts = `"parts":[{"text":"Let me look.","type":"text"},` +
		`{"input":{"city":"Yazd"},"output":{"c":31},"state":"output-available","toolCallId":"c1","type":"tool-weather"},` +
		`{"errorText":"no clock","input":{},"state":"output-error","toolCallId":"c2","type":"tool-clock"},` +
		`{"type":"step-start"},{"text":"31 degrees.","type":"text"}],"role":"assistant"}`
	promptParts = `"parts":[{"text":"And this?","type":"text"},{"mediaType":"image/png","type":"file","url":"data:image/png;base64,AAEC"}],"role":"user"}`
)

func TestRequestShapes(t *testing.T) {
	for shape, want := range map[string]string{
		upstream.RequestAuto: `{"id":"chat:42","messages":[` +
			`{"content":"How warm is it in Yazd?","id":"t81-1","parts":[{"text":"How warm is it in Yazd?","type":"text"}],"role":"user"},` +
			`{"content":"Let me look.31 degrees.","id":"t81-2",` + answerParts + `,` +
			`{"content":"And this?","id":"t81",` + promptParts + `],` +
			`"model":"small-2","stream":true,"system":"Be brief.","temperature":0.5,"trigger":"submit-message"}`,
		upstream.RequestUI: `{"id":"chat:42","messages":[` +
			`{"id":"t81-1","parts":[{"text":"How warm is it in Yazd?","type":"text"}],"role":"user"},` +
			`{"id":"t81-2",` + answerParts + `,{"id":"t81",` + promptParts + `],"model":"small-2","system":"Be brief.","temperature":0.5,"trigger":"submit-message"}`,
		upstream.RequestMessage: `{"id":"chat:42","message":{"id":"t81",` + promptParts + `,"model":"small-2","system":"Be brief.","temperature":0.5,"trigger":"submit-message"}`,
		upstream.RequestText:    `And this?`,
		upstream.RequestOpenAI: `{"messages":[{"content":"Be brief.","role":"system"},{"content":"How warm is it in Yazd?","role":"user"},` +
			`{"content":"Let me look.","role":"assistant","tool_calls":[{"function":{"arguments":"{\"city\":\"Yazd\"}","name":"weather"},"id":"c1","type":"function"},{"function":{"arguments":"{}","name":"clock"},"id":"c2","type":"function"}]},` +
			`{"content":"{\"c\":31}","role":"tool","tool_call_id":"c1"},{"content":"no clock","role":"tool","tool_call_id":"c2"},` +
			`{"content":"31 degrees.","role":"assistant"},` +
			`{"content":[{"text":"And this?","type":"text"},{"image_url":{"url":"data:image/png;base64,AAEC"},"type":"image_url"}],"role":"user"}],` +
			`"model":"small-2","stream":true,"temperature":0.5}`,
	} {
		t.Run(shape, func(t *testing.T) {
			if s := sent(t, upstream.Options{Request: shape}, streamtest.Conversation()); string(s.Body) != want {
				t.Fatalf("sent\n%s\nwant\n%s", s.Body, want)
			}
		})
	}
}

func TestHeaders(t *testing.T) {
	req := streamtest.Conversation()
	req.User, req.ID.Channel = "ada\r\nX: 1", "گفتگو 1"
	h := sent(t, upstream.Options{Header: http.Header{"cookie": {"a=1"}, "Karez-User": {"forged"}}}, req).Header
	for name, want := range map[string]string{
		"Cookie": "a=1", "Karez-User": "ada%0D%0AX:%201", "Karez-Channel": "%DA%AF%D9%81%D8%AA%DA%AF%D9%88%201", "Karez-Turn": "t81",
		"Idempotency-Key": "t81", "Traceparent": req.Trace, "Content-Type": "application/json", "Accept-Encoding": "identity",
	} {
		if got := strings.Join(h[name], ", "); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

// Parameters never change whose conversation is asked about, or what is read.
func TestParamsDoNotReplaceTheConversation(t *testing.T) {
	req := streamtest.Request()
	req.Params = json.RawMessage(`{"messages":[],"message":"x","model":"big","id":"other","stream":false,"top_p":1}`)
	want := `{"id":"chat:42","messages":[{"content":"Why is the sky blue?","id":"t81","parts":[{"text":"Why is the sky blue?","type":"text"}],"role":"user"}],"stream":true,"top_p":1,"trigger":"submit-message"}`
	if got := sent(t, upstream.Options{}, req).Body; string(got) != want {
		t.Fatalf("sent\n%s\nwant\n%s", got, want)
	}
}

func TestOptions(t *testing.T) {
	const ok = "http://localhost:3000/api/chat"
	for _, x := range []struct {
		o    upstream.Options
		want string
	}{
		{upstream.Options{}, "--url http://localhost:3000/api/chat"},
		{upstream.Options{URL: "localhost:3000"}, "not valid"},
		{upstream.Options{URL: "ftp://host/"}, "not valid"},
		{upstream.Options{URL: ok, Request: "soap"}, `unknown shape of request "soap": auto, aisdk, `},
		{upstream.Options{URL: ok, Answer: "soap"}, `unknown format of answer "soap": auto, text, `},
		{upstream.Options{URL: ok, Header: http.Header{"A B": {"x"}}}, `"A B" is not the name of a header`},
		{upstream.Options{URL: ok, Header: http.Header{"host": {"x"}}}, "Host"},
		{upstream.Options{URL: ok, Header: http.Header{"Cookie": {"a\nb"}}}, "control character"},
	} {
		if _, err := upstream.New(x.o); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%+v: %v, want %q", x.o, err, x.want)
		}
	}
}

// Nothing of the address and of the headers is shown, whatever the endpoint
// says of them.
func TestMessagesHideTheAddress(t *testing.T) {
	body := `{"error":"POST /api/chat?token=q1w2e3r4t5 on APP.internal with Bearer hunter2hunter2 as karez:pa55word failed"}`
	c, _ := streamtest.Recorder(streamtest.Story{Status: 500, Header: http.Header{}, Body: []byte(body)})
	p, err := upstream.New(upstream.Options{
		URL: "http://karez:pa55word@app.internal/api/chat?token=q1w2e3r4t5", Header: http.Header{"Authorization": {"Bearer hunter2hunter2"}}, Client: c,
	})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Stream(context.Background(), streamtest.Request(), func(turn.Event) error { return nil })
	msg := worker.AsProviderError(err).Message
	for _, secret := range []string{"/api/chat", "q1w2", "internal", "hunter2", "pa55word"} {
		if strings.Contains(strings.ToLower(msg), secret) {
			t.Errorf("the message shows %q: %s", secret, msg)
		}
	}
	if !strings.Contains(msg, "failed") {
		t.Errorf("nothing is left of the message: %s", msg)
	}
}
