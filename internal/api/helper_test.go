package api

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/server"
	"github.com/karez/karez/internal/transport/native"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("net/http.(*persistConn).readLoop"))
}

const late = time.Minute

// A rig is a node with all of its routes on a loopback port. seen gets every
// exchange that do makes.
type rig struct {
	tb   testing.TB
	b    broker.Broker
	t    *turns.Turns
	g    *gateway.Gateway
	mux  *http.ServeMux
	api  *API
	url  string
	key  auth.Key
	seen func(exchange)
}

// An exchange is a request and its answer.
type exchange struct {
	req      *http.Request
	body     []byte
	status   int
	header   http.Header
	answered []byte
}

func newRig(tb testing.TB) *rig {
	tb.Helper()
	quiet := slog.New(slog.DiscardHandler)
	key := must(auth.Secret([]byte("0123456789abcdef0123456789abcdef")))
	v := must(auth.New(auth.Options{Keys: []auth.Key{key}}))
	b := membroker.New(membroker.Options{Log: quiet})
	r := &rig{tb: tb, b: b, t: turns.New(b, turns.Options{}), key: key, mux: http.NewServeMux()}
	r.g = must(gateway.New(r.t, gateway.Options{Log: quiet}))
	who := func(_ context.Context, token string) (gateway.Identity, error) {
		g, err := v.Verify(token)
		if err != nil {
			return gateway.Identity{}, err
		}
		return gateway.Identity{App: g.App, User: g.User, Expires: g.Expires, Grants: g}, nil
	}
	tr := native.New(r.g, who, native.Options{Log: quiet})
	tr.Register(r.mux)
	r.api = New(r.g, who, quiet)
	r.api.Register(r.mux)
	s := must(server.New(r.mux, server.Options{Addr: "127.0.0.1:0", Log: quiet, Ready: b.Ping}))
	r.url = s.URL()
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx, r.g.Close) }()
	tb.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-ran; err != nil {
			tb.Error(err)
		}
		tr.Close()
		if err := b.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// token mints one of app with channels, or, without, of a back end.
func (r *rig) token(app, user string, channels map[string][]auth.Verb) string {
	if channels == nil {
		channels = map[string][]auth.Verb{"*": {auth.All}}
	}
	return must(auth.Mint(r.key, auth.Claims{App: app, User: user, Channels: channels, Expires: time.Now().Add(time.Hour)}))
}

func (r *rig) admin() string { return r.token("app", "backend", nil) }

// do makes a request and returns status and answer.
func (r *rig) do(token, method, path, body string, header ...string) (int, []byte) {
	r.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	req := must(http.NewRequestWithContext(ctx, method, r.url+path, strings.NewReader(body)))
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.tb.Fatalf("%s %s: %v", method, path, err)
	}
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		r.tb.Fatalf("%s %s: %v", method, path, err)
	}
	if r.seen != nil {
		r.seen(exchange{req, []byte(body), resp.StatusCode, resp.Header, p})
	}
	return resp.StatusCode, p
}

// ask makes a request of a back end that must be answered with status.
func (r *rig) ask(status int, method, path, body string, header ...string) map[string]any {
	r.tb.Helper()
	got, p := r.do(r.admin(), method, path, body, header...)
	if got != status {
		r.tb.Fatalf("%s %s: %d %s, want %d", method, path, got, p, status)
	}
	var out map[string]any
	if json.Unmarshal(p, &out) != nil && !bytes.Contains(p, []byte("\n")) {
		r.tb.Fatalf("%s %s: %q", method, path, p)
	}
	return out
}

// code returns the code of a refusal.
func code(p []byte) string {
	var out errorBody
	if json.Unmarshal(p, &out) != nil || out.Error == nil {
		return ""
	}
	return out.Error.Code
}

// text folds what a turn's log says.
func (r *rig) text(name string) string {
	r.tb.Helper()
	a := must(r.t.Answer(context.Background(), turn.NewID("app", "chat:42", name)))
	return a.Text()
}

const ch = "/v1/channels/chat:42"

// start begins a turn of the back end's own and returns the query to append with.
func (r *rig) start(name string) string {
	r.tb.Helper()
	r.ask(201, "PUT", ch+"/turns/"+name, `{"text":"Why?"}`)
	r.ask(201, "POST", ch+"/turns/"+name+"/epochs", "")
	return "?epoch=1&first=2"
}
