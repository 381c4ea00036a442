package aisdk

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/karez/karez/internal/answer/answertest"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"))
}

func newRig(tb testing.TB, o Options) *answertest.Rig {
	tb.Helper()
	o.Log = answertest.Quiet
	return answertest.New(tb, func(r *answertest.Rig) func() {
		tr := New(r.G, answertest.Auth, o)
		tr.Register(r.Mux)
		return tr.Close
	})
}

// A stream is an answer that is read chunk by chunk.
type stream struct {
	tb   testing.TB
	resp *http.Response
	sc   *bufio.Scanner
	r    *reader
	n    int
	done bool
}

func open(tb testing.TB, v version, resp *http.Response) *stream {
	tb.Helper()
	if resp.StatusCode != 200 || resp.Header.Get("X-Vercel-AI-UI-Message-Stream") != "v1" || resp.Header.Get("X-Accel-Buffering") != "no" || resp.Header.Get("Content-Type") != "text/event-stream" {
		tb.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	sc := bufio.NewScanner(resp.Body)
	sc.Buffer(nil, 4<<20)
	return &stream{tb: tb, resp: resp, sc: sc, r: &reader{v: v}}
}

// until reads chunks until ok, or the end.
func (s *stream) until(ok func(*reader) bool) *reader {
	s.tb.Helper()
	for !ok(s.r) && s.sc.Scan() {
		data, is := strings.CutPrefix(s.sc.Text(), "data: ")
		switch {
		case !is:
		case data == "[DONE]":
			s.done = true
		default:
			s.n++
			if err := s.r.read([]byte(data)); err != nil {
				s.tb.Fatal(err)
			}
		}
	}
	return s.r
}

// all reads to the end, which must be [DONE].
func (s *stream) all() *reader {
	s.tb.Helper()
	defer s.resp.Body.Close()
	s.until(func(*reader) bool { return false })
	if !s.done {
		s.tb.Fatalf("no [DONE]: %v", s.sc.Err())
	}
	return s.r
}

func says(text string) func(*reader) bool {
	return func(r *reader) bool { return strings.Contains(r.text(), text) }
}

const ask1 = `{"id":"chat:1","trigger":"submit-message","messages":[{"id":"m1","role":"user","parts":[{"type":"text","text":"hi"},{"type":"file","url":"https://example.org/a.png","mediaType":"image/png","filename":"a.png"},{"type":"text","text":"more"}]}]}`

// A prompt is the last message, and its answer ends with the turn; leaving does
// not end it, stop does.
func TestPostResumeStop(t *testing.T) {
	r := newRig(t, Options{})
	resp := r.Do("POST", "/api/chat", ask1)
	name := turn.NameFor("app", "chat:1", "ann", "m1")
	a, err := r.Turns.Answer(context.Background(), turn.NewID("app", "chat:1", name))
	if err != nil {
		t.Fatal(err)
	}
	if p := a.Prompt; p.Text != "hi" || len(p.Content) != 2 || p.Content[0] != (turn.Content{Type: "image", URL: "https://example.org/a.png", Media: "image/png", Name: "a.png"}) || p.Content[1].Text != "more" {
		t.Errorf("%+v", p)
	}
	s := open(t, oldest, resp)
	if got := s.until(func(r *reader) bool { return r.id != "" }); got.id != name {
		t.Errorf("message %q, want %q", got.id, name)
	}
	resp.Body.Close() // a page that goes away

	late := open(t, oldest, r.Do("GET", "/api/chat/chat:1/stream", ""))
	late.until(func(r *reader) bool { return r.id != "" })
	for _, body := range []string{`{"messageId":"older"}`, `{"runId":"` + "wrun_Y2hhdDox.told" + `"}`} {
		if code, p, _ := r.Ask("POST", "/api/chat/chat:1/stop", body); code != 200 || p != `{"stopped":false}`+"\n" {
			t.Errorf("%s: %d %s", body, code, p)
		}
	}
	if code, p, _ := r.Ask("POST", "/api/chat/chat:1/stop", ""); code != 200 || !strings.Contains(p, name) {
		t.Errorf("%d %s", code, p)
	}
	if got := late.all(); got.finished != "abort" {
		t.Errorf("it ended with %q", got.finished)
	}
	if code, _, _ := r.Ask("GET", "/api/chat/chat:1/stream", ""); code != http.StatusNoContent {
		t.Errorf("resume of nothing: %d", code)
	}
	if code, p, _ := r.Ask("POST", "/api/chat/chat:1/stop", ""); code != 200 || p != `{"stopped":false}`+"\n" {
		t.Errorf("stop of nothing: %d %s", code, p)
	}
}

// script writes a turn with all that merging could get wrong.
func script(a *answertest.Author) {
	a.Write(turn.Event{Kind: turn.KindReasoning, Data: []byte("hm ")}, turn.Event{Kind: turn.KindReasoning, Data: []byte("so ")})
	a.Text("a", "é", "🟦", "", " w\xf0\x9f", "\x9f\xa6x") // a character cut in two
	a.Write(turn.Event{Kind: turn.KindTool, Part: "c1", Name: "clock", Data: []byte(`{"a"`)}, turn.Event{Kind: turn.KindTool, Part: "c1", Data: []byte(`:1}`)},
		turn.Event{Kind: turn.KindToolInput, Part: "c1", Name: "clock", Data: []byte(`{"a":1}`)})
	a.Write(turn.Event{Kind: turn.KindData, Name: "tick", Data: []byte(`1`), Attrs: map[string]string{"transient": "true"}})
	a.Text("b", "c")
}

// The same index is the same place before the turn has ended, after, and when
// its log is compacted.
func TestStartIndexIsAPlace(t *testing.T) {
	r := newRig(t, Options{})
	a := r.Begin("chat:1", "t1")
	script(a)
	path := "/api/chat/wrun_Y2hhdDox.t1/stream?startIndex="
	a.End()
	get := func(from int) []string {
		code, p, _ := r.Ask("GET", fmt.Sprint(path, from), "")
		if code != 200 || !strings.HasSuffix(p, "data: [DONE]\n\n") {
			t.Fatalf("%d %s", code, p)
		}
		lines := strings.Split(strings.TrimSpace(p), "\n\n")
		return lines[:len(lines)-1]
	}
	all := get(0)
	if len(all) < 18 {
		t.Fatalf("%d chunks", len(all))
	}
	for _, compact := range []bool{false, true} {
		if compact {
			a.Compact()
		}
		for n := range all {
			if got := get(n); strings.Join(got, "\n") != strings.Join(all[n:], "\n") {
				t.Errorf("compacted %v, from %d:\n%s\nwant\n%s", compact, n, strings.Join(got, "\n"), strings.Join(all[n:], "\n"))
			}
		}
		if got := get(-2); strings.Join(got, "\n") != strings.Join(all[len(all)-2:], "\n") {
			t.Errorf("from -2: %s", got)
		}
		if _, _, h := r.Ask("GET", path+"-2", ""); h.Get("X-Workflow-Stream-Tail-Index") != fmt.Sprint(len(all)-1) {
			t.Errorf("%v", h)
		}
	}
	if got := get(len(all) + 5); len(got) != 1 || !strings.Contains(got[0], `"finish"`) {
		t.Errorf("beyond the end: %s", got)
	}
	for _, bad := range []string{"x", "1.5"} {
		if code, _, _ := r.Ask("GET", path+bad, ""); code != 400 {
			t.Errorf("startIndex %s: %d", bad, code)
		}
	}
	if code, _, _ := r.Ask("GET", "/api/chat/wrun_Y2hhdDox.t9/stream", ""); code != 404 {
		t.Errorf("a run that is none: %d", code)
	}
}

// A worker that begins again takes text back: who can be told is, others get
// an error, and whoever comes then sees the answer as it is.
func TestTakenBack(t *testing.T) {
	for _, v := range []string{"5", "7"} {
		r := newRig(t, Options{})
		a := r.Begin("chat:1", "t1")
		a.Text("wrong ")
		s := open(t, parseVersion(v), r.Do("GET", "/api/chat/chat:1/stream?sdk="+v, ""))
		s.until(says("wrong "))
		a.Take()
		a.Write(turn.Event{Kind: turn.KindEpoch, Data: []byte(`{"epoch":2,"keep":1,"reason":"provider_retry"}`)})
		a.Text("right ")
		late := open(t, oldest, r.Do("GET", "/api/chat/chat:1/stream", ""))
		if got := late.until(says("right ")); got.text() != "right " {
			t.Errorf("a late reader sees %q", got.text())
		}
		a.Text("again")
		a.End()
		if got := late.all(); got.text() != "right again" || got.finished != "finish" {
			t.Errorf("a late reader sees %q, %s", got.text(), got.finished)
		}
		got := s.all()
		if v == "5" && (got.text() != "wrong " || got.why != takenBack) {
			t.Errorf("version 5 sees %q, %s", got.text(), got.why)
		}
		if v == "7" && (got.text() != "right again" || got.finished != "finish") {
			t.Errorf("version 7 sees %q, %s", got.text(), got.finished)
		}
	}
}

// An epoch that keeps everything is none of the reader's business.
func TestTakeover(t *testing.T) {
	r := newRig(t, Options{})
	a := r.Begin("chat:1", "t1")
	a.Text("one ")
	s := open(t, oldest, r.Do("GET", "/api/chat/chat:1/stream", ""))
	s.until(says("one "))
	a.Take()
	a.Write(turn.Event{Kind: turn.KindEpoch, Data: []byte(`{"epoch":2,"keep":2,"all":true,"reason":"worker_lost"}`)})
	a.Text("two")
	a.End()
	if got := s.all(); got.text() != "one two" || got.finished != "finish" {
		t.Errorf("%q %s", got.text(), got.finished)
	}
}

// A transient part of the past is not replayed; a live one is seen.
func TestTransient(t *testing.T) {
	r := newRig(t, Options{})
	a := r.Begin("chat:1", "t1")
	tick := turn.Event{Kind: turn.KindData, Name: "tick", Data: []byte(`1`), Attrs: map[string]string{"transient": "true"}}
	a.Write(tick)
	a.Text("x")
	s := open(t, oldest, r.Do("GET", "/api/chat/chat:1/stream", ""))
	s.until(says("x"))
	had := s.n
	a.Write(tick)
	a.End()
	s.all()
	if had != 4 || s.n != had+4 { // start, start-step, text-start, text-delta; data, text-end, finish-step, finish
		t.Errorf("%d chunks, then %d", had, s.n)
	}
}

// Who may not is told so; with Anonymous a client without a token is let in.
func TestDoor(t *testing.T) {
	r := newRig(t, Options{Anonymous: func(q *http.Request) (gateway.Identity, bool) {
		who, err := answertest.Auth(q.Context(), q.Header.Get("X-Guest"))
		return who, err == nil
	}})
	for _, c := range []struct {
		method, path, token, guest string
		code                       int
	}{
		{"POST", "/api/chat", "Bearer nobody", "", 403},
		{"POST", "/api/chat", "Bearer bad", "", 500}, // an error of no kind that is known
		{"POST", "/api/chat", "", "eve", 200},
		{"POST", "/api/chat", "Bearer bad", "eve", 500},
		{"GET", "/api/chat/chat:1/stream", "Bearer nobody", "", 403},
		{"POST", "/api/chat/chat:1/stop", "Bearer nobody", "", 403},
		{"GET", "/api/chat", "Bearer ann", "", 426},
	} {
		resp := r.Do(c.method, c.path, ask1, "Authorization", c.token, "X-Guest", c.guest)
		if resp.StatusCode != c.code {
			p, _ := io.ReadAll(io.LimitReader(resp.Body, 200))
			t.Errorf("%s %s as %q, %q: %d %s, want %d", c.method, c.path, c.token, c.guest, resp.StatusCode, p, c.code)
		}
		resp.Body.Close()
	}
}

// Keys of the body that an option names go to the model, others nowhere.
func TestBodyKeys(t *testing.T) {
	r := newRig(t, Options{Prefix: "web:", Model: "model", System: "sys", Params: []string{"temperature"}})
	resp := r.Do("POST", "/api/chat", `{"id":"1","message":{"id":"m1","role":"user","content":"hi"},"model":"m","sys":"Be brief.","temperature":0.5,"top_p":1}`)
	resp.Body.Close()
	a, err := r.Turns.Answer(context.Background(), turn.NewID("app", "web:1", turn.NameFor("app", "web:1", "ann", "m1")))
	if err != nil {
		t.Fatal(err)
	}
	if p := a.Prompt; p.Text != "hi" || p.Model != "m" || p.System != "Be brief." || string(p.Params) != `{"temperature":0.5}` {
		t.Errorf("%+v %s", p, p.Params)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(ask1))
	f.Add([]byte(`{"id":"1","message":{"id":"m1","role":"user","content":"hi"}}`))
	f.Add([]byte(`{"messages":[{"id":"t1","role":"assistant","parts":[{"type":"tool-clock","toolCallId":"c1","state":"output-available","output":1},{"type":"dynamic-tool","toolName":"x","toolCallId":"c2","state":"approval-responded","approval":{"id":"a1","approved":false}}]}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		q, err := parse(body)
		if err != nil {
			return
		}
		if p, err := q.prompt(); err == nil && p.Text == "" && len(p.Content) == 0 {
			t.Error("a prompt that asks nothing")
		}
		rs := q.tools()
		p := turn.Prompt{Message: onID("t1", rs)}
		for _, r := range rs {
			p.Content = append(p.Content, r.Content())
			c := r.chunk(newest)
			c.encode()
		}
		if got := results(p.Content); len(got) != len(rs) {
			t.Errorf("%d results of %d come back", len(got), len(rs))
		}
		if id, on := messageOf("t2", &p); on != (len(rs) > 0) || on && id != "t1" {
			t.Errorf("the message is %q, %v", id, on)
		}
	})
}

func FuzzFrame(f *testing.F) {
	f.Add([]byte(`{"type":"send","requestId":"r1","id":"1","trigger":"submit-message","messages":[],"headers":{"authorization":"Bearer x"},"body":{},"metadata":null}`))
	f.Add([]byte(`{"type":"resume","requestId":"r1","id":"1","lastSequence":7,"headers":{},"body":{}}`))
	f.Add([]byte(`{"type":"abort","requestId":"r1"}`))
	f.Fuzz(func(t *testing.T, p []byte) {
		fr, err := parseFrame(p)
		if err != nil {
			return
		}
		fr.token()
		fr.request()
		id, err := json.Marshal(fr.RequestID)
		if err != nil || !json.Valid(chunkFrame(id, 1, &chunk{Type: "start"})) || !json.Valid(answerFrame("end", fr.RequestID, "")) {
			t.Errorf("%q", fr.RequestID)
		}
	})
}
