package pusher

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/pusher/apps"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// late is when a test gives up: far beyond what a loaded machine needs.
const late = time.Minute

// demo is the app of most tests, with the key and secret of the vectors.
func demo(change ...func(*App)) App {
	a := App{ID: "77", Key: "demo-key", Secret: "demo-secret", Tenant: "app"}
	for _, f := range change {
		f(&a)
	}
	return a
}

// A rig is a node on a loopback port.
type rig struct {
	tb  testing.TB
	b   broker.Broker
	t   *turns.Turns
	g   *gateway.Gateway
	tr  *Transport
	url string
	app App
}

func newRig(tb testing.TB, app App) *rig {
	tb.Helper()
	mem := membroker.New(membroker.Options{Log: quiet})
	tb.Cleanup(func() {
		if err := mem.Close(); err != nil {
			tb.Error(err)
		}
	})
	return newNode(tb, mem, app)
}

var quiet = slog.New(slog.DiscardHandler)

// newNode starts a node over b.
func newNode(tb testing.TB, b broker.Broker, app App) *rig {
	tb.Helper()
	r := &rig{tb: tb, b: b, t: turns.New(b, turns.Options{}), app: app}
	var err error
	if r.g, err = gateway.New(r.t, gateway.Options{Log: quiet}); err != nil {
		tb.Fatal(err)
	}
	if r.tr, err = New(r.g, Options{Apps: []App{app}, Log: quiet}); err != nil {
		tb.Fatal(err)
	}
	mux := http.NewServeMux()
	r.tr.Register(mux)
	s := httptest.NewServer(mux)
	r.url = s.URL
	tb.Cleanup(func() {
		r.g.Close()
		r.tr.Close()
		s.Close()
	})
	return r
}

// A client is a WebSocket client. got holds what has come.
type client struct {
	tb   testing.TB
	r    *rig
	ws   *websocket.Conn
	id   string
	end  context.CancelFunc
	done chan struct{}

	mu      sync.Mutex // guards the two below
	got     []frame
	closed  *websocket.CloseError
	changed chan struct{}
}

// A frame is what a client got.
type frame struct {
	Event   string          `json:"event"`
	Channel string          `json:"channel"`
	Data    json.RawMessage `json:"data"`
	UserID  string          `json:"user_id"`
	raw     string
	taken   bool
}

// text is the data as a client's library hands it on.
func (f frame) text() string { return dataText(f.Data) }

func (r *rig) dialPath(path string) *client {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	ws, resp, err := websocket.Dial(ctx, r.url+path, nil)
	if err != nil {
		r.tb.Fatalf("dial: %v (%v)", err, resp)
	}
	ws.SetReadLimit(8 << 20)
	c := &client{tb: r.tb, r: r, ws: ws, changed: make(chan struct{}, 1), done: make(chan struct{})}
	reading, end := context.WithCancel(context.Background())
	c.end = end
	go c.read(reading)
	r.tb.Cleanup(c.drop)
	return c
}

// dial connects and waits for the socket id.
func (r *rig) dial() *client {
	r.tb.Helper()
	c := r.dialPath("/app/" + r.app.Key + "?protocol=7&client=js&version=8.4.0&flash=false")
	f := c.next(evEstablished)
	var d struct {
		Socket  string `json:"socket_id"`
		Timeout int    `json:"activity_timeout"`
	}
	if err := json.Unmarshal([]byte(f.text()), &d); err != nil || !apps.GoodSocket(d.Socket) || d.Timeout <= 0 {
		r.tb.Fatalf("%s: %v", f.raw, err)
	}
	c.id = d.Socket
	return c
}

func (c *client) read(ctx context.Context) {
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
		f := frame{raw: string(p)}
		if err := json.Unmarshal(p, &f); err != nil || kind != websocket.MessageText {
			c.tb.Errorf("frame %q: %v", p, err)
		}
		c.mu.Lock()
		c.got = append(c.got, f)
		c.mu.Unlock()
		c.note()
	}
}

func (c *client) note() {
	select {
	case c.changed <- struct{}{}:
	default:
	}
}

func (c *client) drop() {
	c.end()
	c.ws.CloseNow()
	<-c.done
}

func (c *client) send(format string, args ...any) {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	if err := c.ws.Write(ctx, websocket.MessageText, fmt.Appendf(nil, format, args...)); err != nil {
		c.tb.Errorf("send: %v", err)
	}
}

// until waits for ok, which may look at got and closed.
func (c *client) until(what string, ok func() bool) {
	c.tb.Helper()
	end := time.After(late)
	for {
		c.mu.Lock()
		yes := ok()
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
				c.tb.Logf("had %s", f.raw)
			}
			c.tb.Fatalf("no %s within %v (closed: %v)", what, late, c.closed)
		}
	}
}

// next waits for the next event of that name that was not taken yet.
func (c *client) next(event string) frame { return c.nextOn(event, "") }

func (c *client) nextOn(event, ch string) (found frame) {
	c.tb.Helper()
	c.until(event, func() bool {
		for i := range c.got {
			if f := &c.got[i]; !f.taken && f.Event == event && (ch == "" || f.Channel == ch) {
				f.taken, found = true, *f
				return true
			}
		}
		return false
	})
	return found
}

// none checks that no event of that name has come until now: it makes a round
// trip first.
func (c *client) none(event string) {
	c.tb.Helper()
	c.send(`{"event":"pusher:ping","data":{}}`)
	c.next(evPong)
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range c.got {
		if !f.taken && f.Event == event {
			c.tb.Errorf("unexpected %s", f.raw)
		}
	}
}

// goneWith waits for the connection's end and returns its code.
func (c *client) goneWith() (code int) {
	c.tb.Helper()
	c.until("close", func() bool {
		if c.closed != nil {
			code = int(c.closed.Code)
		}
		return c.closed != nil
	})
	return code
}

// ask subscribes as an auth server allows it; data is the channel_data.
func (c *client) ask(ch, data string) {
	c.tb.Helper()
	auth := ""
	if !apps.IsPublic(ch) {
		auth = c.r.app.Key + ":" + apps.Sign(c.r.app.Secret, apps.ChannelText(c.id, ch, data))
	}
	c.send(`{"event":"pusher:subscribe","data":{"channel":%q,"auth":%q,"channel_data":%s}}`, ch, auth, quote(data))
}

func (c *client) subscribe(ch, data string) frame {
	c.tb.Helper()
	c.ask(ch, data)
	return c.nextOn(evSubscribed, ch)
}

func (c *client) signin(data string) {
	c.tb.Helper()
	c.send(`{"event":"pusher:signin","data":{"auth":%q,"user_data":%s}}`, c.r.app.Key+":"+apps.Sign(c.r.app.Secret, apps.UserText(c.id, data)), quote(data))
}

// call makes a signed request to the REST API.
func (r *rig) call(method, path string, query url.Values, body string) (status int, answer string) {
	r.tb.Helper()
	q := url.Values{"auth_key": {r.app.Key}, "auth_timestamp": {fmt.Sprint(time.Now().Unix())}, "auth_version": {"1.0"}}
	for k, v := range query {
		q[k] = v
	}
	if body != "" && !q.Has("body_md5") {
		sum := md5.Sum([]byte(body))
		q.Set("body_md5", hex.EncodeToString(sum[:]))
	}
	path = "/apps/" + r.app.ID + path
	if !q.Has("auth_signature") {
		q.Set("auth_signature", apps.Sign(r.app.Secret, method+"\n"+path+"\n"+sorted(q)))
	}
	return r.plain(method, path+"?"+q.Encode(), body)
}

// sorted is a query as back ends sign it.
func sorted(q url.Values) string {
	var pairs []string
	for _, k := range slices.Sorted(maps.Keys(q)) {
		pairs = append(pairs, k+"="+q.Get(k))
	}
	return strings.Join(pairs, "&")
}

func (r *rig) plain(method, path, body string) (status int, answer string) {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.tb.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.tb.Fatal(err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		r.tb.Fatal(err)
	}
	return resp.StatusCode, string(bytes.TrimSpace(p))
}

// trigger publishes an event and fails the test if that is refused.
func (r *rig) trigger(body string) {
	r.tb.Helper()
	if status, answer := r.call("POST", "/events", nil, body); status != 200 || answer != "{}" {
		r.tb.Fatalf("trigger %s: %d %s", body, status, answer)
	}
}

// eventually waits for ok outside of a client.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.After(late); !ok(); {
		select {
		case <-tick.C:
		case <-end:
			tb.Fatalf("no %s within %v", what, late)
		}
	}
}

// write appends events to a turn that was begun without a worker's job.
func (r *rig) write(id turn.ID, e turn.Epoch, evs ...turn.Event) {
	r.tb.Helper()
	info, err := r.b.Info(context.Background(), id)
	if err == nil {
		_, err = r.b.Append(context.Background(), id, e, info.Top+1, evs...)
	}
	if err != nil {
		r.tb.Fatal(err)
	}
}

// prompt accepts a prompt as user ada and opens its first epoch.
func (r *rig) prompt(ch, text string) turn.ID {
	r.tb.Helper()
	ctx := context.Background()
	name, _, err := r.t.Accept(ctx, turns.Ask{App: "app", Channel: ch, Prompt: turn.Prompt{Message: text, User: "ada", Text: text}})
	if err != nil {
		r.tb.Fatal(err)
	}
	return turn.NewID("app", ch, name)
}

func (r *rig) begin(id turn.ID) turn.Epoch {
	r.tb.Helper()
	e, _, err := r.b.Begin(context.Background(), id)
	if err != nil {
		r.tb.Fatal(err)
	}
	return e
}

func textEvent(s string) turn.Event { return turn.Event{Kind: turn.KindText, Data: []byte(s)} }

func endEvent() turn.Event { return turn.Event{Kind: turn.KindEnd, Data: []byte(`{"reason":"stop"}`)} }
