// Package streamtest holds the providers over HTTP to what worker.Provider
// promises: it plays them the answers of servers, kept as stories in files,
// cut at every place, and everything that servers do when they fail.
//
// Each provider's package calls Stories, Failures and Fuzz. Read story.go for
// the files' form.
package streamtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

// Secret is a key that Make gives its provider where that takes one. No
// message may show it.
const Secret = "topsecret-0123456789"

// A Make returns a provider that asks the server at base through c, with the
// key Secret. s is the story that it will be told, its zero value in Failures.
type Make func(tb testing.TB, base string, c *http.Client, s Story) worker.Provider

// Request is what providers are asked.
func Request() worker.Request {
	return worker.Request{ID: turn.NewID("app", "chat:42", "t81"), User: "ada", Messages: []worker.Message{{Role: "user", Text: "Why is the sky blue?"}}}
}

// wait is far more than any test takes outside of fake time.
const wait = time.Minute

// ask asks p, and returns what it emitted and how it ended.
func ask(ctx context.Context, p worker.Provider) ([]turn.Event, string, error) {
	var evs []turn.Event
	reason, err := p.Stream(ctx, Request(), func(ev turn.Event) error {
		ev.Seq = turn.Seq(len(evs) + 1)
		evs = append(evs, ev)
		return nil
	})
	return evs, reason, err
}

// Check returns an error unless each event is one that a provider may emit.
func Check(evs []turn.Event) error {
	for i, ev := range evs {
		if len(ev.Data) > turn.MaxData {
			return fmt.Errorf("event %d, %s, has %d bytes", i, ev.Kind, len(ev.Data))
		}
		if ev.Kind.Terminal() || ev.Kind == turn.KindPrompt || ev.Kind == turn.KindEpoch || ev.Kind == "" {
			return fmt.Errorf("event %d is of kind %q", i, ev.Kind)
		}
		for _, s := range []string{ev.Part, ev.Name, ev.Media} {
			if !utf8.ValidString(s) || len(s) > 256 {
				return fmt.Errorf("event %d, %s: the name %q is not fit for a log", i, ev.Kind, s)
			}
		}
		switch {
		case ev.Kind.Textual() || ev.Kind == turn.KindToolError:
			if !utf8.Valid(ev.Data) {
				return fmt.Errorf("event %d, %s: %q is not UTF-8", i, ev.Kind, ev.Data)
			}
		case ev.Kind == turn.KindAudio || ev.Kind == turn.KindFile && ev.Media != "":
		case !json.Valid(ev.Data) || !utf8.Valid(ev.Data):
			return fmt.Errorf("event %d, %s: %q is not JSON", i, ev.Kind, ev.Data)
		}
	}
	return nil
}

// Show writes events and the end of an answer as a story does: one a line.
func Show(evs []turn.Event, reason string, err error) string {
	var b strings.Builder
	for _, ev := range turn.Merge(evs) {
		b.WriteString(string(ev.Kind))
		for _, f := range []struct{ key, value string }{{"part", ev.Part}, {"name", ev.Name}, {"media", ev.Media}} {
			if f.value != "" {
				fmt.Fprintf(&b, " %s=%s", f.key, f.value)
			}
		}
		for _, k := range slices.Sorted(func(yield func(string) bool) {
			for k := range ev.Attrs {
				if !yield(k) {
					return
				}
			}
		}) {
			fmt.Fprintf(&b, " %s=%s", k, ev.Attrs[k])
		}
		var flat bytes.Buffer
		switch {
		case ev.Kind == turn.KindAudio, ev.Kind == turn.KindFile && ev.Media != "":
			fmt.Fprintf(&b, " %x\n", ev.Data)
		case ev.Kind.Textual() || ev.Kind == turn.KindToolError || json.Compact(&flat, ev.Data) != nil:
			fmt.Fprintf(&b, " %q\n", ev.Data)
		default:
			fmt.Fprintf(&b, " %s\n", flat.Bytes())
		}
	}
	var pe *worker.ProviderError
	switch {
	case errors.As(err, &pe):
		fmt.Fprintf(&b, "! %s", pe.Code)
		if pe.Retry {
			b.WriteString(", retry")
		}
		fmt.Fprintf(&b, ": %s\n", pe.Message)
	case err != nil:
		fmt.Fprintf(&b, "! %v\n", err)
	default:
		fmt.Fprintf(&b, "= %s\n", reason)
	}
	return b.String()
}

// roundTrip is a server in memory.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// canned answers with a body that gives n bytes a read, 0 for all.
func canned(s Story, n int) *http.Client {
	return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		return &http.Response{
			StatusCode: s.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Header: s.Header.Clone(),
			Body: &pieces{p: s.Body, n: n, cut: s.Cut}, ContentLength: -1, Request: r,
		}, nil
	})}
}

type pieces struct {
	p   []byte
	n   int
	cut bool
}

func (b *pieces) Read(p []byte) (int, error) {
	if len(b.p) == 0 {
		if b.cut {
			return 0, io.ErrUnexpectedEOF
		}
		return 0, io.EOF
	}
	n := len(p)
	if b.n > 0 {
		n = min(n, b.n)
	}
	n = copy(p[:n], b.p)
	b.p = b.p[n:]
	return n, nil
}

func (b *pieces) Close() error { return nil }

// serve answers over a real connection, n bytes a packet.
func serve(tb testing.TB, s Story, n int) string {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header()["Content-Type"] = nil // none, where the story has none
		for k, vs := range s.Header {
			w.Header()[k] = vs
		}
		w.WriteHeader(s.Status)
		for p := s.Body; len(p) > 0; {
			k := min(n, len(p))
			w.Write(p[:k])
			w.(http.Flusher).Flush()
			p = p[k:]
		}
		if s.Cut {
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}
	}))
	tb.Cleanup(srv.Close)
	return srv.URL
}

// Recorder is a server that keeps what it is sent and answers with s.
func Recorder(s Story) (c *http.Client, sent *Sent) {
	sent = &Sent{}
	answer := canned(s, 0).Transport
	return &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		p, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, err
		}
		sent.URL, sent.Header, sent.Body = r.URL.String(), r.Header, p
		sent.Count++
		return answer.RoundTrip(r)
	})}, sent
}

// Sent is the last request of a Recorder.
type Sent struct {
	URL    string
	Header http.Header
	Body   []byte
	Count  int
}

// Conversation is a request with all that a conversation may have.
func Conversation() worker.Request {
	req := Request()
	req.System, req.Model, req.Params, req.Trace = "Be brief.", "small-2", json.RawMessage(`{"temperature":0.5}`), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	req.Messages = []worker.Message{
		{Role: "user", Text: "How warm is it in Yazd?"},
		{Role: "assistant", Text: "Let me look. 31 degrees.", Parts: []turn.Part{
			{Kind: turn.KindReasoning, Data: []byte("A tool.")},
			{Kind: turn.KindText, Data: []byte("Let me look.")},
			{Kind: turn.KindTool, ID: "c1", Name: "weather", Data: []byte(`{"city":"Yazd"}`)},
			{Kind: turn.KindToolInput, ID: "c1", Name: "weather", Data: []byte(`{"city":"Yazd"}`)},
			{Kind: turn.KindToolDone, ID: "c1", Name: "weather", Data: []byte(`{"c":31}`)},
			{Kind: turn.KindTool, ID: "c2", Name: "clock", Data: []byte(`{}`)},
			{Kind: turn.KindToolError, ID: "c2", Name: "clock", Data: []byte("no clock")},
			{Kind: turn.KindTool, ID: "c3", Name: "never returned", Data: []byte(`{`)},
			{Kind: turn.KindText, ID: "2", Data: []byte("31 degrees.")},
		}},
		{Role: "user", Text: "And this?", Content: []turn.Content{{Type: "image", URL: "data:image/png;base64,AAEC"}}},
	}
	return req
}
