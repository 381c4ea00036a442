package socketio

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// patience bounds every wait: a loaded machine is slow.
const patience = 30 * time.Second

func serve(t *testing.T, o Options, app func(*Server)) (url string, srv *Server) {
	o.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	srv = NewServer(o)
	app(srv)
	h := httptest.NewServer(srv)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := srv.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
		h.Close()
	})
	return strings.Replace(h.URL, "http", "ws", 1) + "/socket.io/?EIO=4&transport=websocket", srv
}

// A peer is a client that speaks in bytes.
type peer struct {
	t  *testing.T
	ws *websocket.Conn
}

func dial(t *testing.T, url string) *peer {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	ws.SetReadLimit(64 << 20)
	t.Cleanup(func() { ws.CloseNow() })
	p := &peer{t, ws}
	if s := p.read(); !strings.HasPrefix(s, `0{"sid":`) {
		t.Fatalf("handshake: %s", s)
	}
	return p
}

// send writes a line: text, or a binary message after "b:".
func (p *peer) send(s string) {
	p.t.Helper()
	typ, body := websocket.MessageText, s
	if b, ok := strings.CutPrefix(s, "b:"); ok {
		typ, body = websocket.MessageBinary, b
	}
	if err := p.ws.Write(context.Background(), typ, []byte(body)); err != nil {
		p.t.Fatal(err)
	}
}

// read returns the next message, "closed" at the end.
func (p *peer) read() string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	typ, b, err := p.ws.Read(ctx)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		p.t.Fatal("nothing comes")
	case err != nil:
		return "closed"
	case typ == websocket.MessageBinary:
		return "b:" + string(b)
	}
	return string(b)
}

// story is the application of the golden transcripts.
func story(srv *Server) {
	for _, name := range []string{"/", "/chat"} {
		ns := srv.Of(name)
		ns.OnConnect(func(s *Socket) error { return s.Emit("auth", s.Handshake().Auth) })
		ns.On("echo", func(s *Socket, e *Event) {
			args := make([]any, len(e.Args))
			for i, a := range e.Args {
				args[i] = a
			}
			e.Ack(args...)
			s.Emit("echo", args...)
		})
		ns.On("ask", func(s *Socket, e *Event) {
			ctx, cancel := context.WithTimeout(s.Context(), patience)
			defer cancel()
			args, err := s.EmitWithAck(ctx, "question", 1)
			s.Emit("heard", fmt.Sprint(len(args), err))
		})
		ns.On("bye", func(s *Socket, e *Event) { s.Disconnect(false) })
		ns.On("panic", func(*Socket, *Event) { panic("a bug of the application") })
	}
	srv.Of("/locked").Use(func(*Socket) error { return &ConnectError{Message: "no", Data: map[string]any{"code": 7}} })
}

var ids = regexp.MustCompile(`"sid":"[^"]+"`)

// Each file is a conversation: > is sent, < must come back.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/*.golden")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".golden"), func(t *testing.T) {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			url, _ := serve(t, Options{}, story)
			p := dial(t, url)
			for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
				switch op, rest, _ := strings.Cut(line, " "); op {
				case ">":
					p.send(rest)
				case "<":
					if got := ids.ReplaceAllString(p.read(), `"sid":"…"`); got != rest {
						t.Fatalf("line %d: %s\nwant %s", i+1, got, rest)
					}
				}
			}
		})
	}
}

// A client that does not read costs a bounded queue: Emit says so, a broadcast
// hangs up on it, and TryEmit keeps nothing and tells when there is room.
func TestSlowClient(t *testing.T) {
	sockets := make(chan *Socket, 10)
	url, srv := serve(t, Options{MaxQueue: 64 << 10}, func(srv *Server) {
		srv.Of("/").OnConnect(func(s *Socket) error { sockets <- s; return nil })
	})
	piece := strings.Repeat("x", 16<<10)
	fill := func(emit func() error) error {
		for range 100_000 { // more than any socket's buffers hold
			if err := emit(); err != nil {
				return err
			}
		}
		return nil
	}
	p := dial(t, url)
	p.send("40")
	p.read()
	s := <-sockets
	room := make(chan struct{}, 1)
	s.OnDrain(func() { room <- struct{}{} })
	if err := fill(func() error { return s.TryEmit(Message{Event: "x", Args: []any{piece}}) }); !errors.Is(err, ErrFull) {
		t.Fatalf("TryEmit to one who does not read: %v", err)
	}
	if err := fill(func() error { return s.Emit("x", piece) }); !errors.Is(err, ErrFull) {
		t.Fatalf("Emit to one who does not read: %v", err)
	}
	s.c.mu.Lock()
	if s.c.queued > 64<<10 {
		t.Errorf("%d bytes are kept", s.c.queued)
	}
	s.c.mu.Unlock()
	if err := s.TryEmit(Message{Event: "x"}); !errors.Is(err, ErrFull) {
		t.Errorf("TryEmit behind a queue: %v", err)
	}
	for len(room) == 0 {
		p.read()
	}
	if err := s.TryEmit(Message{Event: "there is room"}); err != nil {
		t.Fatal(err)
	}
	for p.read() != `42["there is room"]` {
	}

	gone := make(chan string, 1)
	s.OnDisconnect(func(reason string) { gone <- reason })
	if err := fill(func() error {
		if srv.Of("/").Len() == 0 {
			return ErrClosed
		}
		return srv.Of("/").Emit("x", piece)
	}); !errors.Is(err, ErrClosed) {
		t.Fatalf("broadcasts to one who does not read: %v", err)
	}
	if reason := <-gone; reason != ReasonError {
		t.Errorf("reason: %s", reason)
	}
}

// A client that joins no namespace is sent away.
func TestConnectTimeout(t *testing.T) {
	url, srv := serve(t, Options{ConnectTimeout: 50 * time.Millisecond}, story)
	p := dial(t, url)
	if got := p.read(); got != "closed" {
		t.Errorf("%s", got)
	}
	for end := time.Now().Add(patience); ; time.Sleep(time.Millisecond) {
		srv.mu.Lock()
		n := len(srv.fresh)
		srv.mu.Unlock()
		if n == 0 {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("%d clients are remembered", n)
		}
	}
}

// The socket that is recovered has its rooms, and what was sent to all while
// it was away, in order, once.
func TestRecoveryKeepsOrder(t *testing.T) {
	sockets := make(chan *Socket, 10)
	url, srv := serve(t, Options{}, func(srv *Server) {
		srv.Of("/").Recover(Recovery{})
		srv.Of("/").OnConnect(func(s *Socket) error { s.Join("r"); sockets <- s; return nil })
	})
	ns := srv.Of("/")
	p := dial(t, url)
	p.send("40")
	var pid string
	if _, err := fmt.Sscanf(regexp.MustCompile(`"pid":"(\w+)"`).FindStringSubmatch(p.read())[1], "%s", &pid); err != nil {
		t.Fatal(err)
	}
	first := <-sockets
	ns.Emit("n", 1)
	offset := regexp.MustCompile(`"(\w+)"\]$`).FindStringSubmatch(p.read())[1]
	p.ws.CloseNow()
	ns.To("r").Emit("n", 2)
	ns.To("elsewhere").Emit("n", 99)
	ns.Emit("n", 3)
	q := dial(t, url)
	q.send(fmt.Sprintf(`40{"pid":%q,"offset":%q}`, pid, offset))
	if got := q.read(); !strings.Contains(got, `"pid":"`+pid+`"`) || !strings.Contains(got, first.ID()) {
		t.Fatalf("not recovered: %s", got)
	}
	if s := <-sockets; !s.Recovered() || s.ID() != first.ID() {
		t.Error("the application is not told")
	}
	ns.Except("none").Emit("n", 4)
	for i := 2; i <= 4; i++ {
		if got := q.read(); !strings.HasPrefix(got, fmt.Sprintf(`42["n",%d,"`, i)) {
			t.Errorf("%s, not %d", got, i)
		}
	}
	r := dial(t, url) // offsets of another process, and pids that were used
	r.send(fmt.Sprintf(`40{"pid":%q,"offset":"elsewhere1"}`, pid))
	if got := r.read(); strings.Contains(got, pid) {
		t.Errorf("recovered by a foreign offset: %s", got)
	}
}
