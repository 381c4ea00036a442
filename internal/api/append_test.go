package api

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/karez/karez/internal/transport/native"
	"github.com/karez/karez/turn"
)

// Events under an epoch: repeating adds nothing, a gap and a wrong epoch are
// refused, nothing follows the end, and the turn is settled.
func TestAppend(t *testing.T) {
	r := newRig(t)
	q := r.start("t1")
	events := ch + "/turns/t1/events"
	for range 2 {
		if got := r.ask(200, "POST", events+q, "{\"text\":\"Air\"}\n\n  {\"text\":\" scatters\"}\n"); got["top"] != 3.0 || got["ended"] != false {
			t.Errorf("%v", got)
		}
	}
	if s := r.text("t1"); s != "Air scatters" {
		t.Errorf("%q", s)
	}
	for query, want := range map[string]string{
		"?epoch=1&first=9": "conflict", "?epoch=7&first=4": "conflict", "?epoch=1": "bad_request", "?first=1": "bad_request", "?epoch=x&first=1": "bad_request",
	} {
		if _, p := r.do(r.admin(), "POST", events+query, `{"text":"x"}`); code(p) != want {
			t.Errorf("%s: %s, want %s", query, p, want)
		}
	}
	r.ask(201, "POST", ch+"/turns/t1/epochs", "")
	if _, p := r.do(r.admin(), "POST", events+"?epoch=1&first=4", `{"text":"x"}`); code(p) != "conflict" {
		t.Errorf("a fenced epoch: %s", p)
	}
	got := r.ask(409, "POST", events+"?epoch=2&first=4", "{\"text\":\".\"}\n{\"kind\":\"end\",\"data\":{\"reason\":\"stop\"}}\n{\"text\":\"more\"}\n")
	if got["top"] != 5.0 || got["error"].(map[string]any)["code"] != "ended" {
		t.Errorf("after the end: %v", got)
	}
	if s := r.text("t1"); s != "Air scatters." {
		t.Errorf("%q", s)
	}
	if live := must(r.t.Live(context.Background(), "app", "chat:42")); len(live) != 0 {
		t.Errorf("the turn has ended and is not settled: %v", live)
	}
	if _, p := r.do(r.admin(), "POST", ch+"/turns/t1/epochs", ""); code(p) != "ended" {
		t.Errorf("an epoch after the end: %s", p)
	}
	if _, p := r.do(r.admin(), "POST", ch+"/turns/none/events?epoch=1&first=1", `{"text":"x"}`); code(p) != "not_found" {
		t.Errorf("no such turn: %s", p)
	}
}

// Without a place events go to the end, as a plain producer's do; SSE is read
// by its data lines.
func TestAppendAtTheEnd(t *testing.T) {
	r := newRig(t)
	r.ask(201, "PUT", ch+"/turns/t1", "")
	body := ": hello\nevent: x\ndata: {\"text\":\"a\"}\r\n\ndata:{\"kind\":\"text\",\"text\":\"b\"}\n\ndata: [DONE]\n\n"
	if got := r.ask(200, "POST", ch+"/turns/t1/events", body, "Content-Type", "text/event-stream; charset=utf-8"); got["top"] != 3.0 {
		t.Errorf("%v", got)
	}
	if s := r.text("t1"); s != "ab" {
		t.Errorf("%q", s)
	}
	if status, p := r.do(r.admin(), "POST", ch+"/turns/t1/events", "x", "Content-Type", "text/html"); status != 400 {
		t.Errorf("%d %s", status, p)
	}
}

// A bad line is named; what came before it is kept, and said.
func TestBadLines(t *testing.T) {
	r := newRig(t)
	q := r.start("t1")
	for name, c := range map[string]struct{ line, code, says string }{
		"no JSON":       {`{"text":`, "bad_request", "line 3"},
		"not UTF-8":     {"{\"text\":\"\xff\"}", "bad_request", "line 3"},
		"large event":   {`{"text":"` + strings.Repeat("x", turn.MaxData+1) + `"}`, "bad_request", "262144"},
		"over-long":     {`{"text":"` + strings.Repeat("x", maxLine) + `"}`, "too_large", "line 3"},
		"a plain array": {`[1]`, "bad_request", "line 3"},
	} {
		_, p := r.do(r.admin(), "POST", ch+"/turns/t1/events"+q, "{\"text\":\"a\"}\n\n"+c.line+"\n{\"text\":\"lost\"}\n")
		var got errorBody
		if err := json.Unmarshal(p, &got); err != nil || got.Error == nil || got.Error.Code != c.code || !strings.Contains(got.Error.Message, c.says) || got.Top != 2 {
			t.Errorf("%s: %.300s", name, p)
		}
	}
	if s := r.text("t1"); s != "a" {
		t.Errorf("%q", s)
	}
}

// dialRaw opens a connection to send a request by hand.
func dialRaw(r *rig) net.Conn {
	return must(net.Dial("tcp", strings.Replace(strings.TrimPrefix(r.url, "http://"), "localhost", "127.0.0.1", 1)))
}

// Events are readable while the body is still coming; a body that breaks off
// leaves what had come, also one that is shorter than it says.
func TestStreamedBody(t *testing.T) {
	r := newRig(t)
	q := r.start("t1")
	for i, how := range []string{"cut", "lying"} {
		nc := dialRaw(r)
		head := fmt.Sprintf("POST %s/turns/t1/events%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\n", ch, q, r.admin())
		line := fmt.Sprintf(`{"text":"%d"}`, i) + "\n"
		if how == "cut" {
			fmt.Fprintf(nc, "%sTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", head, len(line), line)
		} else {
			fmt.Fprintf(nc, "%sContent-Length: 1000\r\n\r\n%s", head, line)
		}
		r.waitTop("t1", turn.Seq(i+2)) // it is there while the body goes on
		if err := nc.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
		if err != nil {
			t.Fatal(err)
		}
		p, _ := io.ReadAll(resp.Body)
		var got errorBody
		if err := json.Unmarshal(p, &got); err != nil || resp.StatusCode != 400 || got.Top != turn.Seq(i+2) || !strings.Contains(got.Error.Message, "broke off") {
			t.Errorf("%s: %s %s", how, resp.Status, p)
		}
		resp.Body.Close()
		nc.Close()
		q = fmt.Sprintf("?epoch=1&first=%d", i+3)
	}
	if s := r.text("t1"); s != "01" {
		t.Errorf("%q", s)
	}
}

// A refused append ends the request although its body goes on: nobody is left
// reading it (TestMain looks).
func TestRefusedWhileStreaming(t *testing.T) {
	r := newRig(t)
	q := r.start("t1")
	nc := dialRaw(r)
	defer nc.Close()
	line := `{"text":"x"}` + "\n"
	fmt.Fprintf(nc, "POST %s/turns/t1/events%s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", ch, q, r.admin(), len(line), line)
	r.waitTop("t1", 2)
	r.ask(201, "POST", ch+"/turns/t1/epochs", "")
	fmt.Fprintf(nc, "%x\r\n%s\r\n", len(line), line)
	resp, err := http.ReadResponse(bufio.NewReader(nc), nil)
	if err != nil {
		t.Fatal(err)
	}
	if p, _ := io.ReadAll(resp.Body); resp.StatusCode != 409 || code(p) != "conflict" {
		t.Errorf("%s %s", resp.Status, p)
	}
}

// waitTop waits until the log of a turn has come so far.
func (r *rig) waitTop(name string, top turn.Seq) {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	woken := make(chan struct{}, 1)
	id := turn.NewID("app", "chat:42", name)
	stop := r.b.Watch(id, func() {
		select {
		case woken <- struct{}{}:
		default:
		}
	})
	defer stop()
	for {
		if info, err := r.b.Info(ctx, id); err == nil && info.Top >= top {
			return
		}
		select {
		case <-woken:
		case <-ctx.Done():
			r.tb.Fatalf("%s has not come to %d", name, top)
		}
	}
}

// A reader of bodies never fails but with a reason, and reads the events that
// are there.
func FuzzLines(f *testing.F) {
	for _, s := range []string{"{\"text\":\"a\"}\n", "data: {\"text\":\"a\"}\n\n", "\n\n: x\ndata:[DONE]\n", "{", "\xff", "{\"kind\":\"end\",\"data\":{}}"} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	f.Fuzz(func(t *testing.T, p []byte, sse bool) {
		l := readLines(strings.NewReader(string(p)), sse)
		for n := 0; ; n++ {
			ev, err := l.next()
			if err == io.EOF {
				return
			}
			if err != nil {
				if c := native.Explain(err).Code; c != "bad_request" && c != "too_large" {
					t.Fatal(err)
				}
				return
			}
			if ev.Kind == "" || len(ev.Data) > turn.MaxData || n > len(p) {
				t.Fatalf("%+v", ev)
			}
		}
	})
}
