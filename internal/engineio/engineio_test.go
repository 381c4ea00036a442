package engineio

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// patience bounds every wait: a loaded machine is slow.
const patience = 30 * time.Second

// An app returns what it is sent, and says how its sessions ended.
type app struct {
	c      *Conn
	mu     sync.Mutex
	closed []error
	room   chan struct{}
}

func (a *app) Message(p []byte, binary bool) {
	_ = a.c.TryWrite(Message{Data: bytes.Clone(p), Binary: binary})
}
func (a *app) Writable() { a.room <- struct{}{} }
func (a *app) Closed(err error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.closed = append(a.closed, err)
}

type world struct {
	t    *testing.T
	s    *Server
	url  string
	apps chan *app
}

func serve(t *testing.T, o Options) *world {
	w := &world{t: t, apps: make(chan *app, 100)}
	w.s = New(o, func(c *Conn) Handler {
		a := &app{c: c, room: make(chan struct{}, 100)}
		w.apps <- a
		return a
	})
	srv := httptest.NewServer(w.s)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := w.s.Close(ctx); err != nil {
			t.Error(err)
		}
		srv.Close()
		if n := w.s.Sessions(); n != 0 {
			t.Errorf("%d sessions are left", n)
		}
	})
	w.url = srv.URL + "/engine.io/"
	return w
}

// do sends a request and returns status and body.
func (w *world) do(method, query, body string) (int, string) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, w.url+"?"+query, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer res.Body.Close()
	p, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return res.StatusCode, string(p)
}

// open begins a session that polls, and returns the query of its requests.
func (w *world) open() string {
	w.t.Helper()
	code, body := w.do("GET", "EIO=4&transport=polling", "")
	var h struct{ SID string }
	if code != 200 || !strings.HasPrefix(body, "0") || json.Unmarshal([]byte(body[1:]), &h) != nil {
		w.t.Fatalf("handshake: %d %s", code, body)
	}
	return "EIO=4&transport=polling&sid=" + h.SID
}

func (w *world) dial(query string) *websocket.Conn {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	c, _, err := websocket.Dial(ctx, strings.Replace(w.url, "http", "ws", 1)+"?"+query, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { c.CloseNow() })
	return c
}

func send(t *testing.T, c *websocket.Conn, s string) {
	t.Helper()
	if err := c.Write(context.Background(), websocket.MessageText, []byte(s)); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c *websocket.Conn) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_, p, err := c.Read(ctx)
	return string(p), err
}

func TestBadRequests(t *testing.T) {
	w := serve(t, Options{MaxPayload: 100})
	q := w.open()
	for _, c := range []struct {
		method, query, body string
		status              int
		answer              string
	}{
		{"GET", "transport=polling", "", 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"GET", "EIO=3&transport=polling", "", 400, `{"code":5,"message":"Unsupported protocol version"}`},
		{"GET", "EIO=4", "", 400, `{"code":0,"message":"Transport unknown"}`},
		{"GET", "EIO=4&transport=webtransport", "", 400, `{"code":0,"message":"Transport unknown"}`},
		{"GET", "EIO=4&transport=websocket", "", 400, `{"code":3,"message":"Bad request"}`},
		{"GET", "EIO=4&transport=polling&sid=nobody", "", 400, `{"code":1,"message":"Session ID unknown"}`},
		{"POST", "EIO=4&transport=polling", "4x", 400, `{"code":2,"message":"Bad handshake method"}`},
		{"PUT", "EIO=4&transport=polling", "4x", 400, `{"code":2,"message":"Bad handshake method"}`},
		{"DELETE", q, "", 400, `{"code":3,"message":"Bad request"}`},
		{"POST", q, "4" + strings.Repeat("x", 100), 413, `{"code":3,"message":"Payload too large"}`},
		{"POST", q, "4" + strings.Repeat("x", 99), 200, "ok"}, // it lives on
		{"GET", q, "", 200, "4" + strings.Repeat("x", 99)},
	} {
		if code, body := w.do(c.method, c.query, c.body); code != c.status || body != c.answer {
			t.Errorf("%s %s: %d %s", c.method, c.query, code, body)
		}
	}
}

// A payload that is none ends its session, and no other.
func TestBadPayloads(t *testing.T) {
	w := serve(t, Options{})
	other := w.open()
	for _, body := range []string{"abc", "", "4a\x1e", "b!", "2", "0{}", "4\xff"} {
		q := w.open()
		if code, answer := w.do("POST", q, body); code != 400 {
			t.Errorf("%q: %d %s", body, code, answer)
		}
		if code, _ := w.do("GET", q, ""); code != 400 {
			t.Errorf("%q: the session goes on", body)
		}
	}
	if code, _ := w.do("POST", other, "4a\x1ebAQI=\x1e4"); code != 200 {
		t.Error("another session suffered")
	}
	if _, body := w.do("GET", other, ""); body != "4a\x1ebAQI=\x1e4" {
		t.Errorf("%q", body)
	}
}

// background sends a request whose answer is read later.
func (w *world) background(method, query, body string) <-chan [2]any {
	out := make(chan [2]any, 1)
	go func() {
		code, body := w.do(method, query, body)
		out <- [2]any{code, body}
	}()
	return out
}

// waiting waits until the session's poll does.
func waiting(t *testing.T, c *Conn) {
	t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		polls := c.poll != nil
		c.mu.Unlock()
		if polls {
			return
		}
		if time.Now().After(end) {
			t.Fatal("no poll came")
		}
	}
}

func TestOverlappingPolls(t *testing.T) {
	w := serve(t, Options{})
	q := w.open()
	a := <-w.apps
	first := w.background("GET", q, "")
	waiting(t, a.c)
	if code, _ := w.do("GET", q, ""); code != 400 {
		t.Errorf("the second poll: %d", code)
	}
	if got := <-first; got != [2]any{200, "1"} {
		t.Errorf("the first poll: %v", got)
	}
	if code, _ := w.do("GET", q, ""); code != 400 {
		t.Errorf("the session goes on: %d", code)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.closed) != 1 || a.closed[0] != ErrOverlap {
		t.Errorf("closed: %v", a.closed)
	}
}

func TestClientCloses(t *testing.T) {
	w := serve(t, Options{})
	q := w.open()
	poll := w.background("GET", q, "")
	waiting(t, (<-w.apps).c)
	if got := <-w.background("POST", q, "1"); got != [2]any{200, "ok"} {
		t.Errorf("%v", got)
	}
	if got := <-poll; got != [2]any{200, "6"} {
		t.Errorf("%v", got)
	}
}

// The poll that a client sent beside its goodbye may come after it.
func TestClientClosesBeforeItsPoll(t *testing.T) {
	w := serve(t, Options{})
	for range 5 {
		q := w.open()
		c := (<-w.apps).c
		post := w.background("POST", q, "1")
		for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
			c.mu.Lock()
			waits := c.came != nil || c.closed
			c.mu.Unlock()
			if waits {
				break
			}
			if time.Now().After(end) {
				t.Fatal("it does not wait")
			}
		}
		code, body := w.do("GET", q, "")
		if in := code == 200 && body == "6"; !in && code != 400 { // 400: a slow machine, the poll came too late
			t.Errorf("%d %s", code, body)
		}
		if got := <-post; got != [2]any{200, "ok"} {
			t.Errorf("%v", got)
		}
		if code, _ := w.do("GET", q, ""); code != 400 {
			t.Errorf("the session goes on: %d", code)
		}
	}
}

// A client that does not answer pings is gone, whichever way it came; one that
// does stays.
func TestHeartbeat(t *testing.T) {
	w := serve(t, Options{PingInterval: 200 * time.Millisecond, PingTimeout: 2 * time.Second})
	q, ws := w.open(), w.dial("EIO=4&transport=websocket")
	if open, err := receive(t, ws); err != nil || !strings.Contains(open, `"upgrades":[],"pingInterval":200,"pingTimeout":2000,"maxPayload":1000000`) {
		t.Errorf("%s, %v", open, err)
	}
	for range 3 {
		if code, body := w.do("GET", q, ""); code != 200 || body != "2" {
			t.Fatalf("poll: %d %s", code, body)
		}
		w.do("POST", q, "3")
		if p, err := receive(t, ws); err != nil || p != "2" {
			t.Fatalf("%q, %v", p, err)
		}
		send(t, ws, "3")
	}
	if p, err := receive(t, ws); err != nil || p != "2" {
		t.Fatalf("%q, %v", p, err)
	}
	if _, err := receive(t, ws); websocket.CloseStatus(err) != websocket.StatusNormalClosure {
		t.Errorf("after the ping that was not answered: %v", err)
	}
	for range 2 {
		a := <-w.apps
		for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
			a.mu.Lock()
			closed := a.closed
			a.mu.Unlock()
			if len(closed) == 1 && closed[0] == ErrPingTimeout {
				break
			}
			if time.Now().After(end) {
				t.Fatalf("a silent client: %v", closed)
			}
		}
	}
}

// What is sent while a client changes to a WebSocket arrives once, in order,
// on one of the two.
func TestUpgrade(t *testing.T) {
	w := serve(t, Options{})
	q := w.open()
	a := <-w.apps
	poll := w.background("GET", q, "")
	waiting(t, a.c)
	ws := w.dial(strings.Replace(q, "polling", "websocket", 1))
	send(t, ws, "2probe")
	if p, err := receive(t, ws); err != nil || p != "3probe" {
		t.Fatalf("%q, %v", p, err)
	}
	if got := <-poll; got != [2]any{200, "6"} {
		t.Fatalf("the poll that waited: %v", got)
	}
	a.c.TryWrite(Message{Data: []byte("before")}, Message{Data: []byte{1}, Binary: true})
	send(t, ws, "5")
	send(t, ws, "4after")
	for _, want := range []string{"4before", "\x01", "4after"} {
		if p, err := receive(t, ws); err != nil || p != want {
			t.Errorf("%q, %v; want %q", p, err, want)
		}
	}
	if code, _ := w.do("GET", q, ""); code != 400 {
		t.Errorf("a poll after the upgrade: %d", code)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if _, _, err := websocket.Dial(ctx, strings.Replace(w.url, "http", "ws", 1)+"?"+strings.Replace(q, "polling", "websocket", 1), nil); err == nil {
		t.Error("a second WebSocket was taken")
	}
}

// A WebSocket that opens and never takes over leaves the session where it was.
func TestUpgradeGivenUp(t *testing.T) {
	w := serve(t, Options{UpgradeTimeout: 100 * time.Millisecond})
	q := w.open()
	ws := w.dial(strings.Replace(q, "polling", "websocket", 1))
	send(t, ws, "2probe")
	if p, _ := receive(t, ws); p != "3probe" {
		t.Fatal(p)
	}
	if _, err := receive(t, ws); err == nil {
		t.Error("the probe stays open")
	}
	w.do("POST", q, "4on")
	if _, body := w.do("GET", q, ""); body != "4on" && body != "6" {
		t.Errorf("%q", body)
	}
}

// A client that polls and does not read is full; what it was to get waits for
// it, also when a poll is cut.
func TestSlowPoll(t *testing.T) {
	w := serve(t, Options{PollBytes: 1000, KeepCutPolls: true})
	q := w.open()
	a := <-w.apps
	ctx, cancel := context.WithCancel(context.Background())
	r, _ := http.NewRequestWithContext(ctx, "GET", w.url+"?"+q, nil)
	gone := make(chan struct{})
	go func() {
		defer close(gone)
		if res, err := http.DefaultClient.Do(r); err == nil {
			res.Body.Close()
		}
	}()
	waiting(t, a.c)
	cancel()
	<-gone
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		a.c.mu.Lock()
		cut := a.c.poll == nil
		a.c.mu.Unlock()
		if cut {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the server does not notice")
		}
	}
	m := Message{Data: bytes.Repeat([]byte("x"), 600)}
	for i, want := range []error{nil, nil, ErrFull} {
		if err := a.c.TryWrite(m); err != want {
			t.Errorf("write %d: %v", i, err)
		}
	}
	if _, body := w.do("GET", q, ""); body != "4"+string(m.Data)+"\x1e4"+string(m.Data) {
		t.Errorf("%d bytes", len(body))
	}
	select {
	case <-a.room:
	case <-time.After(patience):
		t.Error("it is not told that there is room")
	}
}

func TestLimitsOfSessions(t *testing.T) {
	w := serve(t, Options{MaxSessions: 1, Origins: []string{"https://a.example"}})
	w.open()
	if code, body := w.do("GET", "EIO=4&transport=polling", ""); code != 503 {
		t.Errorf("%d %s", code, body)
	}
	for origin, want := range map[string]int{"https://a.example": 503, "https://b.example": 403} {
		r, _ := http.NewRequest("GET", w.url+"?EIO=4&transport=polling", nil)
		r.Header.Set("Origin", origin)
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d", origin, res.StatusCode)
		}
	}
}

func FuzzPayload(f *testing.F) {
	for _, s := range []string{"4hello", "4a\x1ebAQID\x1e2", "6", "b", "\x1e", "0{}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		var ps []packet
		if decodePayload(p, func(pk packet) error { ps = append(ps, pk); return nil }) != nil {
			return
		}
		var again []packet
		if err := decodePayload(appendPayload(nil, ps), func(pk packet) error { again = append(again, pk); return nil }); err != nil {
			t.Fatalf("%q: %v", p, err)
		}
		if len(again) != len(ps) {
			t.Fatalf("%q: %d packets, then %d", p, len(ps), len(again))
		}
		for i := range ps {
			if ps[i].typ != again[i].typ || !bytes.Equal(ps[i].data, again[i].data) {
				t.Errorf("%q: packet %d changed", p, i)
			}
		}
	})
}
