package presence

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/faultbroker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/broker/redisbroker"
	"github.com/karez/karez/broker/redisbroker/redistest"
)

// A watch is a view that is told all.
type watch struct {
	*View
	woken chan struct{}
	here  map[string]Member
	tb    testing.TB
}

func open(tb testing.TB, n *Node) *watch {
	tb.Helper()
	w := &watch{tb: tb, woken: make(chan struct{}, 1)}
	v, err := n.Open(context.Background(), "app", "chat", func() {
		select {
		case w.woken <- struct{}{}:
		default:
		}
	})
	if err != nil {
		tb.Fatal(err)
	}
	w.View = v
	return w
}

func join(tb testing.TB, n *Node, id string) *watch {
	tb.Helper()
	w := open(tb, n)
	if err := w.Join(Member{ID: id}); err != nil {
		tb.Fatal(err)
	}
	return w
}

func (w *watch) sees() string {
	for r, to := w.Next(); r != nil; r, to = w.Next() {
		if r.Full {
			w.here = make(map[string]Member)
		}
		for _, m := range append(append(append([]Member(nil), r.Here...), r.Joined...), r.Changed...) {
			w.here[m.key()] = m
		}
		for _, m := range r.Left {
			delete(w.here, m.key())
		}
		w.Took(to)
	}
	var ids []Member
	for _, m := range w.here {
		ids = append(ids, m)
	}
	sortMembers(ids)
	var out []string
	for _, m := range ids {
		out = append(out, m.ID)
	}
	return strings.Join(out, " ")
}

// until waits for what w is to see.
func (w *watch) until(want string) {
	w.tb.Helper()
	late := time.After(time.Minute)
	for w.sees() != want {
		select {
		case <-w.woken:
		case <-late:
			w.tb.Fatalf("sees %q, want %q", w.sees(), want)
		}
	}
}

var quiet = slog.New(slog.DiscardHandler)

func start(tb testing.TB, b Broker) *Node {
	n := New(b, Options{Node: "n", Log: quiet})
	tb.Cleanup(n.Close)
	return n
}

// Two nodes over a real server.
func TestNodesAgreeOverRedis(t *testing.T) {
	s := redistest.Start(t, "--appendonly", "no")
	dial := func() *Node {
		b, err := redisbroker.Open(t.Context(), s.URL(), redisbroker.Options{Log: quiet})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { b.Close() })
		return start(t, b)
	}
	n1, n2 := dial(), dial()
	ada, bob := join(t, n1, "ada"), join(t, n2, "bob")
	ada.until("ada bob")
	bob.until("ada bob")
	again := join(t, n2, "ada")
	ada.Close(false)
	again.Close(false)
	bob.until("bob")
	eve := open(t, n1)
	eve.until("bob")
	bob.Close(true)
	eve.until("")
}

// faulty passes on what a plan lets through, signals too.
type faulty struct {
	*faultbroker.Broker
	deaf bool // signals that are published reach nobody
}

func (f *faulty) Publish(ctx context.Context, t broker.Topic, p []byte) error {
	if f.deaf {
		return nil
	}
	return f.Broker.Publish(ctx, t, p)
}

func mem(t *testing.T) *membroker.Broker {
	b := membroker.New(membroker.Options{})
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

// A signal that was lost is made good by reading again.
func TestLostSignals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem(t)
		f := &faulty{Broker: faultbroker.New(b, nil)}
		n1, n2 := start(t, f), start(t, b)
		eve := open(t, n2)
		f.deaf = true
		ada := join(t, n1, "ada")
		synctest.Wait()
		if got := eve.sees(); got != "" {
			t.Fatalf("no signal was lost: %q", got)
		}
		time.Sleep(reread + tickEvery)
		synctest.Wait()
		if got := eve.sees(); got != "ada" {
			t.Errorf("sees %q", got)
		}
		ada.Close(false)
		time.Sleep(reread + tickEvery)
		synctest.Wait()
		if got := eve.sees(); got != "" {
			t.Errorf("sees %q after she left", got)
		}
	})
}

// When a channel's state is deleted, who is there says so again.
func TestDeletedChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem(t)
		n1, n2 := start(t, b), start(t, b)
		ada, bob := join(t, n1, "ada"), join(t, n2, "bob")
		synctest.Wait()
		if err := b.DeleteChannel(context.Background(), "app", "chat"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * (reread + tickEvery))
		synctest.Wait()
		if ada.sees() != "ada bob" || bob.sees() != "ada bob" {
			t.Errorf("ada sees %q, bob %q", ada.sees(), bob.sees())
		}
	})
}

// A channel that nobody is on or looks at is held by nobody, and leaves
// nothing at the broker.
func TestNothingIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := mem(t)
		n := start(t, b)
		for range 20 {
			join(t, n, "ada").Close(true)
			join(t, n, "bob").Close(false)
			open(t, n).Close(true)
		}
		time.Sleep(DefaultLinger + 2*tickEvery)
		synctest.Wait()
		if len(n.channels) != 0 {
			t.Errorf("%d channels are held", len(n.channels))
		}
		for _, k := range []broker.Key{room{"app", "chat"}.index(), room{"app", "chat"}.part(n.id)} {
			if val, _, err := b.Get(context.Background(), k); val != nil || err != nil {
				t.Errorf("%s is left: %s, %v", k.Name, val, err)
			}
		}
	})
}

// Whatever calls of the broker fail, and whether they had their effect, nodes
// agree on who is there once it works again.
func TestFaultsDoNotDivide(t *testing.T) {
	for seed := range uint64(60) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			b := mem(t)
			var nodes []*Node
			var brokers []*faultbroker.Broker
			for range 3 {
				f := faultbroker.New(b, nil)
				brokers, nodes = append(brokers, f), append(nodes, start(t, f))
			}
			eyes := []*watch{open(t, nodes[0]), open(t, nodes[1]), open(t, nodes[2])}
			plan := func(r *rand.Rand) func(faultbroker.Call) faultbroker.Fault {
				return func(faultbroker.Call) faultbroker.Fault {
					return []faultbroker.Fault{faultbroker.None, faultbroker.None, faultbroker.Lost, faultbroker.Kept}[r.IntN(4)]
				}
			}
			here := make(map[string]*watch)
			for range 40 {
				brokers[r.IntN(3)].Plan(plan(rand.New(rand.NewPCG(seed, r.Uint64()))))
				id := fmt.Sprint("u", r.IntN(4))
				if w := here[id]; w != nil {
					w.Close(r.IntN(2) == 0)
					delete(here, id)
				} else if v, err := nodes[r.IntN(3)].Open(context.Background(), "app", "chat", func() {}); err == nil {
					here[id] = &watch{View: v}
					if err := v.Join(Member{ID: id}); err != nil {
						t.Fatal(err)
					}
				} else if !errors.Is(err, broker.ErrUnavailable) {
					t.Fatal(err)
				}
				time.Sleep(time.Duration(r.IntN(8000)) * time.Millisecond)
			}
			for _, f := range brokers {
				f.Plan(nil)
			}
			time.Sleep(2 * (reread + leaseTTL))
			synctest.Wait()
			var want []string
			for i := range 4 {
				if id := fmt.Sprint("u", i); here[id] != nil {
					want = append(want, id)
				}
			}
			for i, w := range eyes {
				if got := w.sees(); got != strings.Join(want, " ") {
					t.Errorf("seed %d: node %d sees %q, want %q", seed, i, got, want)
				}
			}
		})
	}
}
