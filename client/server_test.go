package client_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/client"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/native"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

const (
	app     = turn.DefaultApp
	channel = "chat:42"
	patient = 60 * time.Second // for what takes milliseconds on an idle machine
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A world is a broker with an author that answers prompts, and a node that can
// be taken down and put up again. Clients reach it through a proxy.
type world struct {
	tb    testing.TB
	b     *membroker.Broker
	turns *turns.Turns
	proxy *proxy
	write func(ctx context.Context, w *world, id turn.ID) // answers one prompt

	mu      sync.Mutex
	expired map[string]bool      // tokens that are no longer taken
	expires map[string]time.Time // and when others end
	node    *node
}

type node struct {
	gateway *gateway.Gateway
	native  *native.Transport
	http    *httptest.Server
}

func newWorld(tb testing.TB, write func(context.Context, *world, turn.ID)) *world {
	tb.Helper()
	w := &world{tb: tb, b: membroker.New(membroker.Options{}), write: write, expired: map[string]bool{}, expires: map[string]time.Time{}}
	w.turns = turns.New(w.b, turns.Options{})
	w.proxy = newProxy(tb)
	w.up()
	ctx, stop := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { w.work(ctx) })
	tb.Cleanup(func() {
		stop()
		wg.Wait()
		w.proxy.close()
		w.down()
		w.b.Close()
	})
	return w
}

func (w *world) up() {
	quiet := slog.New(slog.DiscardHandler)
	g, err := gateway.New(w.turns, gateway.Options{Log: quiet})
	if err != nil {
		w.tb.Fatal(err)
	}
	n := &node{gateway: g, native: native.New(g, w.auth, native.Options{Log: quiet})}
	mux := http.NewServeMux()
	n.native.Register(mux)
	n.http = httptest.NewServer(mux)
	w.proxy.to(n.http.Listener.Addr().String())
	w.node = n
}

// down takes the node down as an operator does.
func (w *world) down() {
	w.node.gateway.Close()
	w.node.native.Close()
	w.node.http.CloseClientConnections()
	w.node.http.Close()
}

func (w *world) auth(_ context.Context, token string) (gateway.Identity, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if token == "" || token == "wrong" {
		return gateway.Identity{}, &wire.Error{Code: wire.CodeUnauthorized, Message: "no such token"}
	}
	if w.expired[token] {
		return gateway.Identity{}, &wire.Error{Code: wire.CodeExpired, Message: "token expired"}
	}
	return gateway.Identity{App: app, User: "ada", Expires: w.expires[token], Grants: all{}}, nil
}

type all struct{}

func (all) May(_, _, channel string) bool { return channel != "secret" }

// work answers prompts one after the other, as a worker does.
func (w *world) work(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		job, err := w.b.Take(ctx, turns.Queue, "author", time.Minute)
		if err != nil {
			return
		}
		c, err := w.turns.Claim(ctx, job)
		if err == nil && c.Run {
			wg.Go(func() {
				w.write(ctx, w, job.ID)
				_ = w.turns.Finish(ctx, job.ID)
				_ = w.b.Done(ctx, turns.Queue, job)
			})
			continue
		}
		_ = w.b.Done(ctx, turns.Queue, job)
	}
}

// An author appends to one turn.
type author struct {
	w     *world
	id    turn.ID
	epoch turn.Epoch
	top   turn.Seq
}

func (w *world) author(ctx context.Context, id turn.ID) *author {
	a := &author{w: w, id: id}
	a.begin(ctx)
	return a
}

func (a *author) begin(ctx context.Context) {
	var err error
	if a.epoch, a.top, err = a.w.b.Begin(ctx, a.id); err != nil && !errors.Is(err, broker.ErrEnded) {
		a.w.tb.Errorf("begin %s: %v", a.id, err)
	}
}

// put appends an event; false: the turn is over, or the test is.
func (a *author) put(ctx context.Context, k turn.Kind, part string, data string) bool {
	top, err := a.w.b.Append(ctx, a.id, a.epoch, a.top+1, turn.Event{Kind: k, Part: part, Data: []byte(data)})
	if err != nil {
		return false
	}
	a.top = top
	return true
}

func (a *author) end(ctx context.Context) { a.put(ctx, turn.KindEnd, "", `{"reason":"stop"}`) }

// restart opens a later epoch that keeps the first n bytes of the text.
func (a *author) restart(ctx context.Context, n int) {
	so, err := a.w.turns.Answer(ctx, a.id)
	if err != nil {
		a.w.tb.Errorf("restart: %v", err)
		return
	}
	a.begin(ctx)
	var kept []turn.Kept
	for _, k := range so.Keep() {
		if k.Kind == turn.KindText && k.Part == "" {
			k.Bytes = min(n, k.Bytes)
			kept = append(kept, k)
		}
	}
	p, _ := json.Marshal(turn.EpochStart{Epoch: a.epoch, Parts: kept, Reason: "provider_retry"})
	a.put(ctx, turn.KindEpoch, "", string(p))
}

// essay writes pieces of all sorts, some of them taken back, at the pace of a
// fast model. The same seed is the same essay.
func essay(seed uint64, pieces int) func(context.Context, *world, turn.ID) {
	words := []string{"Air ", "scatters ", "short ", "waves ", "most — ", "水は青い。", "🌊 ", "é", "\n\n", "\"quoted\" \\ ", "naïve "}
	return func(ctx context.Context, w *world, id turn.ID) {
		r := rand.New(rand.NewPCG(seed, 7))
		a := w.author(ctx, id)
		for i := range pieces {
			ok := true
			switch n := r.IntN(60); {
			case n == 0 && i > 10:
				a.restart(ctx, 0)
			case n == 1:
				ok = a.put(ctx, turn.KindData, "", fmt.Sprintf(`{"i":%d}`, i))
			case n < 4:
				ok = a.put(ctx, turn.KindTool, "call", `{"q":`)
			case n < 10:
				ok = a.put(ctx, turn.KindReasoning, "", words[r.IntN(len(words))])
			default:
				ok = a.put(ctx, turn.KindText, "", words[r.IntN(len(words))])
			}
			if !ok {
				return
			}
			if i%8 == 0 {
				time.Sleep(time.Millisecond) // the model's pace
			}
		}
		a.put(ctx, turn.KindUsage, "", `{"input_tokens":3,"output_tokens":9}`)
		a.end(ctx)
	}
}

// wantAnswer compares what a reader folded with the log itself.
func (w *world) wantAnswer(name string, got *turn.Answer) {
	w.tb.Helper()
	want, err := w.turns.Answer(context.Background(), turn.NewID(app, channel, name))
	if err != nil {
		w.tb.Fatal(err)
	}
	if got == nil {
		w.tb.Fatalf("%s: no answer, want %q", name, want.Text())
	}
	if got.State != want.State || got.At != want.At || len(got.Parts) != len(want.Parts) {
		w.tb.Fatalf("%s: %s at %d with %d parts, the log has %s at %d with %d", name, got.State, got.At, len(got.Parts), want.State, want.At, len(want.Parts))
	}
	for i, p := range got.Parts {
		if q := want.Parts[i]; p.Kind != q.Kind || p.ID != q.ID || !bytes.Equal(p.Data, q.Data) {
			w.tb.Fatalf("%s part %d: %s %q, the log has %s %q", name, i, p.Kind, p.Data, q.Kind, q.Data)
		}
	}
}

// dial returns a client that reconnects fast.
func (w *world) dial(o client.Options) *client.Client {
	w.tb.Helper()
	if o.Token == nil {
		o.Token = client.Static("ada")
	}
	if o.Backoff == nil {
		o.Backoff = func(n int) time.Duration { return time.Duration(rand.IntN(5+n)) * time.Millisecond }
	}
	c, err := client.New(w.proxy.url(), o)
	if err != nil {
		w.tb.Fatal(err)
	}
	w.tb.Cleanup(func() { c.Close() })
	return c
}

func testContext(tb testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), patient)
	tb.Cleanup(cancel)
	return ctx
}
