// Package answertest is what the tests of the transports over internal/answer
// share: a node over a broker in memory, an author that writes turns, and logs
// made up at random.
package answertest

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
)

// Late is when a test gives up: far beyond what a loaded machine needs.
const Late = time.Minute

// Quiet is a log that says nothing.
var Quiet = slog.New(slog.DiscardHandler)

// A Rig is a node on a loopback port. Its tokens are the names of users; that
// of nobody may do nothing, and one that begins with bad is not taken.
type Rig struct {
	TB    testing.TB
	B     broker.Broker
	Turns *turns.Turns
	G     *gateway.Gateway
	Mux   *http.ServeMux
	URL   string
}

// ErrBad is what a bad token is refused with.
var ErrBad = errors.New("bad token")

// New starts a rig; register adds a transport's routes and returns how it ends.
func New(tb testing.TB, register func(*Rig) (end func())) *Rig {
	tb.Helper()
	b := membroker.New(membroker.Options{Log: Quiet})
	r := &Rig{TB: tb, B: b, Turns: turns.New(b, turns.Options{}), Mux: http.NewServeMux()}
	var err error
	if r.G, err = gateway.New(r.Turns, gateway.Options{Log: Quiet}); err != nil {
		tb.Fatal(err)
	}
	end := register(r)
	s := httptest.NewServer(r.Mux)
	r.URL = s.URL
	tb.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		s.CloseClientConnections()
		r.G.Close()
		end()
		s.Close()
		if err := b.Close(); err != nil {
			tb.Error(err)
		}
	})
	return r
}

// Auth is the rig's gateway.Authenticate.
func Auth(_ context.Context, token string) (gateway.Identity, error) {
	if token == "" || strings.HasPrefix(token, "bad") {
		return gateway.Identity{}, ErrBad
	}
	return gateway.Identity{App: "app", User: token, Grants: grants(token)}, nil
}

type grants string

func (g grants) May(string, string, string) bool { return g != "nobody" }

// Do makes a request for ann and returns its answer, whose body is the
// caller's to close.
func (r *Rig) Do(method, path, body string, header ...string) *http.Response {
	r.TB.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), Late)
	r.TB.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, method, r.URL+path, strings.NewReader(body))
	if err != nil {
		r.TB.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer ann")
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		r.TB.Fatalf("%s %s: %v", method, path, err)
	}
	return resp
}

// Ask is Do with the whole answer read.
func (r *Rig) Ask(method, path, body string, header ...string) (int, string, http.Header) {
	r.TB.Helper()
	resp := r.Do(method, path, body, header...)
	defer resp.Body.Close()
	p, err := io.ReadAll(resp.Body)
	if err != nil {
		r.TB.Fatalf("%s %s: %v", method, path, err)
	}
	return resp.StatusCode, string(p), resp.Header
}

// An Author writes one turn as a worker does.
type Author struct {
	r   *Rig
	ID  turn.ID
	e   turn.Epoch
	top turn.Seq
}

// Begin creates a turn and opens its first epoch.
func (r *Rig) Begin(channel, name string) *Author {
	r.TB.Helper()
	a := &Author{r: r, ID: turn.NewID("app", channel, name)}
	if _, err := r.Turns.Create(context.Background(), a.ID, turn.Prompt{Message: name, User: "ann", Text: "hi"}, 1_700_000_000_000); err != nil {
		r.TB.Fatal(err)
	}
	a.Take()
	return a
}

// Take opens the next epoch.
func (a *Author) Take() {
	a.r.TB.Helper()
	var err error
	if a.e, a.top, err = a.r.B.Begin(context.Background(), a.ID); err != nil {
		a.r.TB.Fatal(err)
	}
}

// Write appends events.
func (a *Author) Write(evs ...turn.Event) {
	a.r.TB.Helper()
	var err error
	if a.top, err = a.r.B.Append(context.Background(), a.ID, a.e, a.top+1, evs...); err != nil {
		a.r.TB.Fatal(err)
	}
}

// Text appends text.
func (a *Author) Text(s ...string) {
	a.r.TB.Helper()
	for _, t := range s {
		a.Write(turn.Event{Kind: turn.KindText, Data: []byte(t)})
	}
}

// End ends the turn, and Compact compacts what is ended.
func (a *Author) End() {
	a.r.TB.Helper()
	a.Write(turn.Event{Kind: turn.KindEnd, Data: []byte(`{"reason":"stop"}`)})
	if err := a.r.Turns.Finish(context.Background(), a.ID); err != nil {
		a.r.TB.Fatal(err)
	}
}

// Compact compacts the log.
func (a *Author) Compact() {
	a.r.TB.Helper()
	if err := a.r.B.Compact(context.Background(), a.ID, 0); err != nil {
		a.r.TB.Fatal(err)
	}
}
