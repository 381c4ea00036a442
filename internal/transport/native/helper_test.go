package native

import (
	"bufio"
	"bytes"
	"context"
	"errors"
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
	"github.com/karez/karez/wire"
)

// late is when a test gives up: far beyond what a loaded machine needs.
const late = time.Minute

// A rig is a node on a loopback port: broker, gateway and transport.
type rig struct {
	tb  testing.TB
	b   broker.Broker
	t   *turns.Turns
	g   *gateway.Gateway
	tr  *Transport
	url string
	key auth.Key
}

type rigOptions struct {
	native  Options
	gateway gateway.Options
	broker  func(broker.Broker) broker.Broker // wraps the one in memory
}

func newRig(tb testing.TB, o rigOptions) *rig {
	tb.Helper()
	quiet := slog.New(slog.DiscardHandler)
	if o.gateway.Log == nil {
		o.gateway.Log = quiet
	}
	if o.native.Log == nil {
		o.native.Log = quiet
	}
	key, err := auth.Secret([]byte("0123456789abcdef0123456789abcdef"))
	if err != nil {
		tb.Fatal(err)
	}
	v, err := auth.New(auth.Options{Keys: []auth.Key{key}})
	if err != nil {
		tb.Fatal(err)
	}
	r := &rig{tb: tb, key: key}
	mem := membroker.New(membroker.Options{Log: quiet})
	r.b = mem
	if o.broker != nil {
		r.b = o.broker(mem)
	}
	r.t = turns.New(r.b, turns.Options{})
	if r.g, err = gateway.New(r.t, o.gateway); err != nil {
		tb.Fatal(err)
	}
	r.tr = New(r.g, func(_ context.Context, token string) (gateway.Identity, error) {
		g, err := v.Verify(token)
		if err != nil {
			return gateway.Identity{}, err
		}
		return gateway.Identity{App: g.App, User: g.User, Name: g.Name, Expires: g.Expires, Grants: g}, nil
	}, o.native)
	mux := http.NewServeMux()
	r.tr.Register(mux)
	s := httptest.NewServer(mux)
	r.url = s.URL
	var once sync.Once
	tb.Cleanup(func() {
		once.Do(r.g.Close)
		r.tr.Close()
		s.Close()
		if err := mem.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// every is what a chat's user may do.
var every = []auth.Verb{auth.Read, auth.Prompt, auth.Cancel, auth.Publish, auth.Presence}

// token mints a token for user: on chat:42 and chat:43, or as channels say.
func (r *rig) token(user string, ttl time.Duration, channels map[string][]auth.Verb) string {
	r.tb.Helper()
	if channels == nil {
		channels = map[string][]auth.Verb{"chat:42": every, "chat:43": every}
	}
	s, err := auth.Mint(r.key, auth.Claims{User: user, Channels: channels, Expires: time.Now().Add(ttl)})
	if err != nil {
		r.tb.Fatal(err)
	}
	return s
}

// A conn is a client of either road. got holds what has come and was not taken.
type conn struct {
	tb    testing.TB
	codec wire.Codec
	ws    *websocket.Conn // nil for a stream
	end   context.CancelFunc
	done  chan struct{}

	mu      sync.Mutex // guards the three below
	got     []*wire.Frame
	closed  *websocket.CloseError
	changed chan struct{}
}

func newConn(tb testing.TB, codec wire.Codec) *conn {
	return &conn{tb: tb, codec: codec, changed: make(chan struct{}, 1), done: make(chan struct{})}
}

func (c *conn) take(f *wire.Frame) {
	c.mu.Lock()
	c.got = append(c.got, f)
	c.mu.Unlock()
	c.note()
}

func (c *conn) note() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

// dial opens a WebSocket; without a token the client has to say hello.
func (r *rig) dial(codec wire.Codec, token string) *conn {
	r.tb.Helper()
	h := http.Header{}
	if token != "" {
		h.Set("Authorization", "Bearer "+token)
	}
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	ws, resp, err := websocket.Dial(ctx, r.url+"/v1/ws", &websocket.DialOptions{HTTPHeader: h, Subprotocols: []string{codec.Subprotocol()}})
	if err != nil {
		r.tb.Fatalf("dial: %v (%v)", err, resp)
	}
	ws.SetReadLimit(8 << 20)
	c := newConn(r.tb, codec)
	c.ws = ws
	reading, end := context.WithCancel(context.Background())
	c.end = end
	go c.read(reading)
	r.tb.Cleanup(c.drop)
	return c
}

func (c *conn) read(ctx context.Context) {
	defer close(c.done)
	for {
		kind, p, err := c.ws.Read(ctx)
		if err != nil {
			var ce websocket.CloseError
			c.mu.Lock()
			if errors.As(err, &ce) {
				c.closed = &ce
			}
			c.mu.Unlock()
			c.note()
			return
		}
		if (kind == websocket.MessageBinary) != c.codec.Binary() {
			c.tb.Errorf("a frame of the wrong kind for %s: %q", c.codec.Subprotocol(), p)
		}
		f, err := c.codec.DecodeFrame(p)
		if err != nil {
			c.tb.Errorf("decode %q: %v", p, err)
			continue
		}
		c.take(f)
	}
}

// stream opens a stream with a POST body, and reads it.
func (r *rig) stream(token, body string) *conn {
	r.tb.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := newConn(r.tb, wire.JSON)
	c.end = cancel
	resp, err := r.do(ctx, "POST", "/v1/stream", token, body)
	if err != nil {
		r.tb.Fatal(err)
	}
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != 200 || got != "text/event-stream" {
		p, _ := io.ReadAll(resp.Body)
		r.tb.Fatalf("stream: %s %s %s", resp.Status, got, p)
	}
	go c.readStream(resp.Body)
	r.tb.Cleanup(c.drop)
	return c
}

func (c *conn) readStream(body io.ReadCloser) {
	defer close(c.done)
	defer body.Close()
	sc := bufio.NewScanner(body)
	sc.Buffer(nil, 8<<20)
	for sc.Scan() {
		line := sc.Bytes()
		p, ok := bytes.CutPrefix(line, []byte("data: "))
		if !ok {
			if len(line) > 0 && line[0] != ':' {
				c.tb.Errorf("a line that is no data and no comment: %q", line)
			}
			continue
		}
		f, err := wire.JSON.DecodeFrame(p)
		if err != nil {
			c.tb.Errorf("decode %q: %v", p, err)
			continue
		}
		c.take(f)
	}
	c.note()
}

func (r *rig) do(ctx context.Context, method, path, token, body string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	return http.DefaultClient.Do(req)
}

// post sends one command and returns the answer with its status.
func (r *rig) post(token, body string) (*wire.Frame, int) {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	resp, err := r.do(ctx, "POST", "/v1/command", token, body)
	if err != nil {
		r.tb.Fatal(err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		r.tb.Fatal(err)
	}
	f, err := wire.JSON.DecodeFrame(p)
	if err != nil {
		r.tb.Fatalf("answer %q: %v", p, err)
	}
	return f, resp.StatusCode
}

// drop hangs up without a word and waits for the reader.
func (c *conn) drop() {
	c.end()
	if c.ws != nil {
		c.ws.CloseNow()
	}
	<-c.done
}

func (c *conn) send(cmd *wire.Command) { c.sendRaw(c.codec.AppendCommand(nil, cmd), c.codec.Binary()) }

func (c *conn) sendRaw(p []byte, binary bool) {
	c.tb.Helper()
	kind := websocket.MessageText
	if binary {
		kind = websocket.MessageBinary
	}
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	if err := c.ws.Write(ctx, kind, p); err != nil {
		c.tb.Errorf("send: %v", err)
	}
}

// until waits for ok, which sees all frames that have come.
func (c *conn) until(what string, ok func(got []*wire.Frame, closed *websocket.CloseError) bool) {
	c.tb.Helper()
	end := time.After(late)
	for {
		c.mu.Lock()
		yes := ok(c.got, c.closed)
		c.mu.Unlock()
		if yes {
			return
		}
		select {
		case <-c.changed:
		case <-end:
			c.mu.Lock()
			defer c.mu.Unlock()
			for _, f := range c.got {
				c.tb.Logf("had %s", wire.JSON.AppendFrame(nil, f))
			}
			c.tb.Fatalf("no %s within %v (closed: %v)", what, late, c.closed)
		}
	}
}

// next waits for a frame that fits, and returns it.
func (c *conn) next(what string, fits func(*wire.Frame) bool) *wire.Frame {
	c.tb.Helper()
	var found *wire.Frame
	c.until(what, func(got []*wire.Frame, _ *websocket.CloseError) bool {
		for _, f := range got {
			if fits(f) {
				found = f
				return true
			}
		}
		return false
	})
	return found
}

// answer waits for the answer to command id.
func (c *conn) answer(id uint64) *wire.Frame {
	c.tb.Helper()
	return c.next("answer", func(f *wire.Frame) bool {
		return f.ID == id && (f.Type == wire.FrameReply || f.Type == wire.FrameError || f.Type == wire.FramePong)
	})
}

// goneWith waits for the connection's end and returns its code and the bye.
func (c *conn) goneWith() (int, *wire.Frame) {
	c.tb.Helper()
	var bye *wire.Frame
	var code int
	c.until("close", func(got []*wire.Frame, closed *websocket.CloseError) bool {
		if closed == nil {
			return false
		}
		code = int(closed.Code)
		for _, f := range got {
			if f.Type == wire.FrameBye {
				bye = f
			}
		}
		return true
	})
	return code, bye
}

// kick closes every session of user.
func (r *rig) kick(user string) {
	r.tb.Helper()
	if _, err := r.g.Kick(context.Background(), gateway.Target{App: turn.DefaultApp, User: user}, 10*time.Millisecond); err != nil {
		r.tb.Fatal(err)
	}
}

// An author answers a turn as a worker would.
type author struct {
	r   *rig
	id  turn.ID
	job broker.Job
	e   turn.Epoch
	top turn.Seq
}

// begin takes the next job, which must be that of turn name.
func (r *rig) begin(name string) *author {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	for {
		job, err := r.b.Take(ctx, turns.Queue, "w1", time.Hour)
		if err != nil {
			r.tb.Fatal(err)
		}
		claimed, err := r.t.Claim(ctx, job)
		if err != nil {
			r.tb.Fatal(err)
		}
		if !claimed.Run || job.ID.Name != name {
			if err := r.b.Done(ctx, turns.Queue, job); err != nil {
				r.tb.Fatal(err)
			}
			continue
		}
		a := &author{r: r, id: job.ID, job: job}
		a.epoch()
		return a
	}
}

// epoch begins the next try.
func (a *author) epoch() {
	a.r.tb.Helper()
	var err error
	if a.e, a.top, err = a.r.b.Begin(context.Background(), a.id); err != nil {
		a.r.tb.Fatal(err)
	}
}

func (a *author) write(evs ...turn.Event) {
	a.r.tb.Helper()
	ctx := context.Background()
	top, err := a.r.b.Append(ctx, a.id, a.e, a.top+1, evs...)
	if err != nil {
		a.r.tb.Fatal(err)
	}
	a.top = top
	if !evs[len(evs)-1].Kind.Terminal() {
		return
	}
	if err := a.r.t.Finish(ctx, a.id); err != nil {
		a.r.tb.Fatal(err)
	}
	if err := a.r.b.Done(ctx, turns.Queue, a.job); err != nil {
		a.r.tb.Fatal(err)
	}
}

func textEvent(s string) turn.Event { return turn.Event{Kind: turn.KindText, Data: []byte(s)} }

func endEvent() turn.Event { return turn.Event{Kind: turn.KindEnd, Data: []byte(`{"reason":"stop"}`)} }
