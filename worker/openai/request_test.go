package openai_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/openai"
	"github.com/karez/karez/worker/stream/streamtest"
)

func TestRequestBodies(t *testing.T) {
	for api, want := range map[string]string{
		openai.APIChat: `{"messages":[{"content":"Be brief.","role":"system"},{"content":"How warm is it in Yazd?","role":"user"},` +
			`{"content":"Let me look.","role":"assistant","tool_calls":[{"function":{"arguments":"{\"city\":\"Yazd\"}","name":"weather"},"id":"c1","type":"function"},{"function":{"arguments":"{}","name":"clock"},"id":"c2","type":"function"}]},` +
			`{"content":"{\"c\":31}","role":"tool","tool_call_id":"c1"},{"content":"no clock","role":"tool","tool_call_id":"c2"},` +
			`{"content":"31 degrees.","role":"assistant"},` +
			`{"content":[{"text":"And this?","type":"text"},{"image_url":{"url":"data:image/png;base64,AAEC"},"type":"image_url"}],"role":"user"}],` +
			`"model":"small-2","stream":true,"stream_options":{"include_usage":true},"temperature":0.5}`,
		openai.APIResponses: `{"input":[{"content":"How warm is it in Yazd?","role":"user"},{"content":"Let me look.","role":"assistant"},` +
			`{"arguments":"{\"city\":\"Yazd\"}","call_id":"c1","name":"weather","type":"function_call"},{"call_id":"c1","output":"{\"c\":31}","type":"function_call_output"},` +
			`{"arguments":"{}","call_id":"c2","name":"clock","type":"function_call"},{"call_id":"c2","output":"no clock","type":"function_call_output"},` +
			`{"content":"31 degrees.","role":"assistant"},{"content":[{"text":"And this?","type":"input_text"},{"image_url":"data:image/png;base64,AAEC","type":"input_image"}],"role":"user"}],` +
			`"instructions":"Be brief.","model":"small-2","store":false,"stream":true,"temperature":0.5}`,
	} {
		t.Run(api, func(t *testing.T) {
			c, sent := streamtest.Recorder(streamtest.Story{Status: 400, Header: http.Header{}})
			p := newProvider(t, "http://model.test", c, streamtest.Story{With: api})
			if _, err := p.Stream(context.Background(), streamtest.Conversation(), func(turn.Event) error { return nil }); err == nil {
				t.Fatal("status 400 is no error")
			}
			if string(sent.Body) != want {
				t.Fatalf("sent\n%s\nwant\n%s", sent.Body, want)
			}
			if got := sent.Header.Get("Authorization"); got != "Bearer "+streamtest.Secret || sent.Header.Get("Traceparent") == "" {
				t.Fatalf("headers %v", sent.Header)
			}
		})
	}
}

// Content that the API does not take is refused before anything is sent.
func TestContentThatIsNotTaken(t *testing.T) {
	for _, c := range []turn.Content{{Type: "hologram"}, {Type: "file", URL: "https://example.org/a.pdf"}, {Type: "audio", URL: "https://example.org/a.wav"}} {
		client, sent := streamtest.Recorder(streamtest.Story{Status: 400, Header: http.Header{}})
		req := streamtest.Request()
		req.Messages[0].Content = []turn.Content{c}
		_, err := newProvider(t, "http://model.test", client, streamtest.Story{}).Stream(context.Background(), req, func(turn.Event) error { return nil })
		if pe := worker.AsProviderError(err); pe.Code != turn.CodeProviderRejected || pe.Retry || sent.Count != 0 {
			t.Errorf("%s: %v after %d requests", c.Type, err, sent.Count)
		}
	}
}

// A server that does not know stream_options is asked without, once and for all.
func TestServerWithoutStreamOptions(t *testing.T) {
	var with, without int
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body map[string]json.RawMessage
		if json.NewDecoder(r.Body).Decode(&body) != nil || body["stream_options"] != nil {
			with++
			w.WriteHeader(http.StatusBadRequest)
			io.WriteString(w, `{"error":{"message":"Unrecognized request argument supplied: stream_options"}}`)
			return
		}
		without++
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, `data: {"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}`+"\n\n")
	}))
	defer srv.Close()
	p := newProvider(t, srv.URL, nil, streamtest.Story{})
	for range 2 {
		if reason, err := p.Stream(context.Background(), streamtest.Request(), func(turn.Event) error { return nil }); err != nil || reason != turn.ReasonStop {
			t.Fatalf("%q, %v", reason, err)
		}
	}
	if with != 1 || without != 2 {
		t.Fatalf("asked %d times with and %d times without, want 1 and 2", with, without)
	}
}

func TestOptions(t *testing.T) {
	for _, x := range []struct {
		o    openai.Options
		want string
	}{
		{openai.Options{}, "OPENAI_API_KEY"},
		{openai.Options{BaseURL: "localhost:11434"}, "http://localhost:11434/v1"},
		{openai.Options{BaseURL: "http://localhost:11434/v1"}, "--model"},
		{openai.Options{Key: "k", API: "soap"}, "chat and responses"},
	} {
		if _, err := openai.New(x.o); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%+v: %v, want %q", x.o, err, x.want)
		}
	}
}
