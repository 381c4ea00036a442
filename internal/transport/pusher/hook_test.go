package pusher

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/faultbroker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/pusher/apps"
	"github.com/karez/karez/internal/turns"
)

// A receiver is a back end with a webhook. It answers with what status says.
type receiver struct {
	mu     sync.Mutex
	status func(n int) int // of the n-th request, from 1; 0: no connection
	bodies []string
	tries  int
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if req.Header.Get("X-Pusher-Key") != "demo-key" || req.Header.Get("X-Pusher-Signature") != apps.Sign("demo-secret", string(body)) || req.Header.Get("Content-Type") != "application/json" {
		return nil, errors.New("bad signature")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries++
	code := http.StatusOK
	if r.status != nil {
		code = r.status(r.tries)
	}
	if code == 0 {
		return nil, errors.New("connection refused")
	}
	if code == http.StatusOK {
		r.bodies = append(r.bodies, string(body))
	}
	return &http.Response{StatusCode: code, Status: http.StatusText(code), Body: io.NopCloser(strings.NewReader("thanks")), Header: http.Header{}}, nil
}

// heard returns what was told, as "name channel user".
func (r *receiver) heard(t *testing.T) (events []string, batches int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, b := range r.bodies {
		var body struct {
			At     int64 `json:"time_ms"`
			Events []struct {
				Name, Channel string
				UserID        string `json:"user_id"`
			} `json:"events"`
		}
		if err := json.Unmarshal([]byte(b), &body); err != nil || body.At == 0 || len(body.Events) == 0 || len(body.Events) > 50 {
			t.Errorf("body %s: %v", b, err)
		}
		for _, e := range body.Events {
			events = append(events, strings.TrimSpace(e.Name+" "+e.Channel+" "+e.UserID))
		}
	}
	return events, len(r.bodies)
}

// A quietLine is a client in memory that takes everything.
type quietLine struct{}

func (quietLine) write([][]byte) error { return nil }
func (quietLine) close(int, string)    {}

// A bare is a node without a socket, for fake time.
type bare struct {
	t    *testing.T
	g    *gateway.Gateway
	tr   *Transport
	stop func()
}

func newBare(t *testing.T, b broker.Broker, client http.RoundTripper, change ...func(*App)) *bare {
	app := demo(append(change, func(a *App) { a.Webhooks = []apps.Webhook{{URL: "https://example.com/hook"}} })...)
	g, err := gateway.New(turns.New(b, turns.Options{}), gateway.Options{Log: quiet})
	if err != nil {
		t.Fatal(err)
	}
	tr, err := New(g, Options{Apps: []App{app}, Log: quiet, Client: &http.Client{Transport: client}})
	if err != nil {
		t.Fatal(err)
	}
	return &bare{t: t, g: g, tr: tr, stop: sync.OnceFunc(func() {
		g.Close()
		tr.Close()
	})}
}

func (b *bare) open() *conn { return b.tr.open(b.tr.byKey["demo-key"], quietLine{}, time.Now) }

func (c *conn) ask(ch, data string) {
	auth := ""
	if !apps.IsPublic(ch) {
		auth = "demo-key:" + apps.Sign("demo-secret", apps.ChannelText(c.id, ch, data))
	}
	c.receive([]byte(`{"event":"pusher:subscribe","data":{"channel":` + quote(ch) + `,"auth":"` + auth + `","channel_data":` + quote(data) + `}}`))
}

// bubble runs f in fake time over a broker in memory.
func bubble(t *testing.T, f func(t *testing.T, b broker.Broker)) {
	synctest.Test(t, func(t *testing.T) {
		mem := membroker.New(membroker.Options{Log: quiet})
		defer func() {
			if err := mem.Close(); err != nil {
				t.Error(err)
			}
		}()
		f(t, mem)
	})
}

func same(t *testing.T, got []string, want ...string) {
	t.Helper()
	if strings.Join(got, ", ") != strings.Join(want, ", ") {
		t.Errorf("heard %q, want %q", got, want)
	}
}

func TestWebhooks(t *testing.T) {
	bubble(t, func(t *testing.T, b broker.Broker) {
		r := &receiver{}
		n := newBare(t, b, r)
		defer n.stop()
		ada, tab := n.open(), n.open()
		ada.ask("presence-room", member("ada"))
		time.Sleep(5 * time.Second)
		tab.ask("presence-room", member("ada"))
		time.Sleep(5 * time.Second)
		got, _ := r.heard(t)
		same(t, got, "channel_occupied presence-room", "member_added presence-room ada")
		ada.receive([]byte(`{"event":"client-hi","channel":"presence-room","data":{"a":1}}`))
		ada.ask("cache-x", "")
		time.Sleep(time.Second)
		r.mu.Lock()
		last := strings.Join(r.bodies, "\n")
		r.mu.Unlock()
		for _, want := range []string{
			`{"name":"client_event","channel":"presence-room","user_id":"ada","event":"client-hi","data":"{\"a\":1}","socket_id":"` + ada.id + `"}`,
			`{"name":"cache_miss","channel":"cache-x"}`, `{"name":"channel_occupied","channel":"cache-x"}`,
		} {
			if !strings.Contains(last, want) {
				t.Errorf("%s\nwant %s", last, want)
			}
		}
		r.bodies = nil
		ada.gone(nil)
		time.Sleep(2 * time.Minute)
		got, _ = r.heard(t)
		same(t, got, "channel_vacated cache-x") // a tab remains in the room
		tab.gone(nil)
		time.Sleep(2 * time.Minute)
		got, _ = r.heard(t)
		same(t, got, "channel_vacated cache-x", "channel_vacated presence-room", "member_removed presence-room ada")
	})
}

// A receiver that is down is told again, and then of what has gathered at once.
func TestWebhookIsToldAgain(t *testing.T) {
	bubble(t, func(t *testing.T, b broker.Broker) {
		r := &receiver{status: func(n int) int { return []int{0, 500, 302, 503}[min(n, 4)-1] }}
		n := newBare(t, b, r)
		defer n.stop()
		c := n.open()
		for _, ch := range strings.Fields("a b c d e f") {
			c.ask(ch, "")
			time.Sleep(time.Second)
		}
		r.mu.Lock()
		r.status = nil
		r.mu.Unlock()
		time.Sleep(time.Minute)
		got, batches := r.heard(t)
		same(t, got, "channel_occupied a", "channel_occupied b", "channel_occupied c", "channel_occupied d", "channel_occupied e", "channel_occupied f")
		if batches > 3 {
			t.Errorf("%d requests", batches)
		}
		time.Sleep(10 * time.Minute) // and is not told a second time
		got, _ = r.heard(t)
		if len(got) != 6 {
			t.Errorf("heard %q", got)
		}
	})
}

// What a receiver never hears is given up in the end, and does not stand in
// the way.
func TestWebhookIsGivenUp(t *testing.T) {
	bubble(t, func(t *testing.T, b broker.Broker) {
		r := &receiver{status: func(int) int { return 500 }}
		n := newBare(t, b, r)
		defer n.stop()
		n.open().ask("a", "")
		time.Sleep(10 * time.Minute)
		r.mu.Lock()
		tries := r.tries
		r.status = nil
		r.mu.Unlock()
		if tries < 5 || tries > 30 {
			t.Errorf("%d tries", tries)
		}
		n.open().ask("b", "")
		time.Sleep(time.Minute)
		got, _ := r.heard(t)
		same(t, got, "channel_occupied b")
	})
}

// A node goes down in order; another tells what it has not.
func TestWebhookOutlivesItsNode(t *testing.T) {
	bubble(t, func(t *testing.T, b broker.Broker) {
		n := newBare(t, b, &receiver{status: func(int) int { return 0 }})
		n.open().ask("a", "")
		time.Sleep(10 * time.Second)
		n.stop()
		r := &receiver{}
		n = newBare(t, b, r)
		defer n.stop()
		time.Sleep(2 * time.Minute)
		got, _ := r.heard(t)
		same(t, got, "channel_occupied a", "channel_vacated a")
	})
}

// Wherever a node dies, another tells the rest: what was told to be occupied
// is told to be vacated.
func TestWebhooksWhereverANodeDies(t *testing.T) {
	for _, kept := range []faultbroker.Fault{faultbroker.Lost, faultbroker.Kept} {
		for n := 1; ; n++ {
			calls, told := 0, 0
			bubble(t, func(t *testing.T, b broker.Broker) {
				r := &receiver{}
				frail := faultbroker.New(b, nil)
				one := newBare(t, frail, r)
				time.Sleep(time.Second)
				first := frail.Calls()
				frail.Plan(faultbroker.At(first+n, kept))
				one.open().ask("a", "")
				time.Sleep(2 * time.Second)
				calls = frail.Calls() - first
				other := newBare(t, b, r)
				time.Sleep(5 * time.Minute)
				one.stop()
				other.stop()
				got, _ := r.heard(t)
				occupied, vacated := strings.Count(strings.Join(got, ","), "occupied"), strings.Count(strings.Join(got, ","), "vacated")
				if (occupied > 0) != (vacated > 0) || occupied > 3 || vacated > 3 {
					t.Errorf("it died at call %d (%d): heard %q", n, kept, got)
				}
				told += occupied
			})
			if t.Failed() {
				return
			}
			if calls < n {
				if told != 1 {
					t.Errorf("without a fault: told %d times", told)
				}
				break
			}
		}
	}
}
