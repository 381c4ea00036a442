package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// late bounds every wait: a loaded machine is slow.
const late = 30 * time.Second

// A rig is a node on a loopback port. Its tokens are names: whoever bears one
// may do everything, but "reader" only read.
type rig struct {
	t   *testing.T
	b   broker.Broker
	tr  *Transport
	g   *gateway.Gateway
	ts  *turns.Turns
	url string
}

type all struct{ user string }

func (a all) May(verb, _, _ string) bool { return a.user != "reader" || verb == gateway.Read }

func newRig(t *testing.T, o Options) *rig {
	t.Helper()
	r := &rig{t: t, b: membroker.New(membroker.Options{Log: slog.New(slog.DiscardHandler)})}
	r.node(o)
	t.Cleanup(func() {
		if err := r.b.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// node adds a node to the rig, which takes the clients from here on.
func (r *rig) node(o Options) (stop func()) {
	r.t.Helper()
	o.Log = slog.New(slog.DiscardHandler)
	r.ts = turns.New(r.b, turns.Options{})
	g, err := gateway.New(r.ts, gateway.Options{Log: o.Log})
	if err != nil {
		r.t.Fatal(err)
	}
	tr := New(g, func(_ context.Context, token string) (gateway.Identity, error) {
		if strings.Contains(token, ".") {
			return gateway.Identity{}, auth.ErrBadToken
		}
		return gateway.Identity{App: turn.DefaultApp, User: token, Grants: all{token}}, nil
	}, o)
	mux := http.NewServeMux()
	tr.Register(mux)
	s := httptest.NewServer(mux)
	r.g, r.tr, r.url = g, tr, s.URL
	var once sync.Once
	stop = func() {
		once.Do(func() {
			g.Close()
			tr.Close()
			s.Close()
		})
	}
	r.t.Cleanup(stop)
	return stop
}

// A peer is a client on a WebSocket that speaks in bytes.
type peer struct {
	t  *testing.T
	ws *websocket.Conn
}

// dial connects to the default namespace with what auth is, JSON or a token.
func (r *rig) dial(auth string) *peer {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, strings.Replace(r.url, "http", "ws", 1)+Path+"?EIO=4&transport=websocket", nil)
	if err != nil {
		r.t.Fatal(err)
	}
	ws.SetReadLimit(64 << 20)
	r.t.Cleanup(func() { ws.CloseNow() })
	p := &peer{r.t, ws}
	p.read()
	if !strings.HasPrefix(auth, "{") {
		auth = fmt.Sprintf(`{"token":%q}`, auth)
	}
	p.send("40" + auth)
	return p
}

func (p *peer) send(s string) {
	p.t.Helper()
	if err := p.ws.Write(context.Background(), websocket.MessageText, []byte(s)); err != nil {
		p.t.Fatal(err)
	}
}

// read returns the next message, "closed" at the end.
func (p *peer) read() string {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	for {
		typ, b, err := p.ws.Read(ctx)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			p.t.Fatal("nothing comes")
		case err != nil:
			return "closed"
		case string(b) == "2":
			p.send("3")
			continue
		case typ == websocket.MessageBinary:
			return "b:" + string(b)
		}
		return string(b)
	}
}

// until reads to the first message that begins so.
func (p *peer) until(prefix string) string {
	p.t.Helper()
	for {
		s := p.read()
		if strings.HasPrefix(s, prefix) {
			return s
		}
		if s == "closed" {
			p.t.Fatalf("closed before %s", prefix)
		}
	}
}

// An event is a message taken apart.
type event struct {
	name   string
	body   turnBody
	offset string
}

// event returns the next event.
func (p *peer) event() event {
	p.t.Helper()
	var args []json.RawMessage
	var e event
	s := p.until(`42[`)
	if json.Unmarshal([]byte(s[2:]), &args) != nil || len(args) != 3 || json.Unmarshal(args[0], &e.name) != nil ||
		json.Unmarshal(args[1], &e.body) != nil || json.Unmarshal(args[2], &e.offset) != nil {
		p.t.Fatalf("%s", s)
	}
	return e
}

// An author answers a turn as a worker would.
type author struct {
	r   *rig
	id  turn.ID
	job broker.Job
	e   turn.Epoch
	top turn.Seq
}

// begin takes the next job.
func (r *rig) begin() *author {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	job, err := r.b.Take(ctx, turns.Queue, "w1", time.Hour)
	if err != nil {
		r.t.Fatal(err)
	}
	if c, err := r.ts.Claim(ctx, job); err != nil || !c.Run {
		r.t.Fatalf("%+v, %v", c, err)
	}
	a := &author{r: r, id: job.ID, job: job}
	a.epoch()
	return a
}

func (a *author) epoch() {
	a.r.t.Helper()
	var err error
	if a.e, a.top, err = a.r.b.Begin(context.Background(), a.id); err != nil {
		a.r.t.Fatal(err)
	}
}

func (a *author) write(evs ...turn.Event) {
	a.r.t.Helper()
	top, err := a.r.b.Append(context.Background(), a.id, a.e, a.top+1, evs...)
	if err != nil {
		a.r.t.Fatal(err)
	}
	a.top = top
}

// finish writes the last event and tells the channel.
func (a *author) finish(ev turn.Event) {
	a.r.t.Helper()
	a.write(ev)
	a.settle()
}

func (a *author) settle() {
	a.r.t.Helper()
	if err := a.r.ts.Finish(context.Background(), a.id); err != nil {
		a.r.t.Fatal(err)
	}
}

func text(s string) turn.Event { return turn.Event{Kind: turn.KindText, Data: []byte(s)} }

func end() turn.Event { return turn.Event{Kind: turn.KindEnd, Data: []byte(`{"reason":"stop"}`)} }

// poll is one request of a client that polls.
func (r *rig) poll(method, sid, body string) string {
	r.t.Helper()
	req, err := http.NewRequest(method, r.url+Path+"?EIO=4&transport=polling&sid="+sid, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := (&http.Client{Timeout: late}).Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	p, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return string(p)
}
