package worker_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/karez/karez/broker/faultbroker"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/scripted"
)

// A receiver is a back end with a webhook. It answers with what status says.
type receiver struct {
	mu     sync.Mutex
	status func(n int) int // of the n-th request, from 1; 0: no connection
	got    []delivery
}

type delivery struct {
	header http.Header
	body   []byte
	at     time.Time
}

func (r *receiver) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.got = append(r.got, delivery{req.Header, body, time.Now()})
	code := r.status(len(r.got))
	if code == 0 {
		return nil, errors.New("connection refused")
	}
	return &http.Response{StatusCode: code, Body: io.NopCloser(strings.NewReader("thanks")), Header: http.Header{}}, nil
}

func (r *receiver) all() []delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]delivery(nil), r.got...)
}

func (r *receiver) hook() worker.Webhook {
	return worker.Webhook{URL: "https://example.com/hook?token=x", Secret: "s3cret", Client: &http.Client{Transport: r}}
}

func ok(int) int { return http.StatusOK }

func TestWebhookTellsOfAFinishedTurn(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		r := &receiver{status: ok}
		id := p.prompt("hello") // before the worker, which else may wait a moment for its log
		stop := work(t, p.b, play(t,
			scripted.Step{Text: "half "}, scripted.Step{Data: json.RawMessage(`{"x":1}`), Name: "card"},
			scripted.Step{Bytes: []byte{1, 2, 3}, Media: "audio/pcm"}, scripted.Step{Text: "done"},
		), worker.Options{Webhook: r.hook()})
		p.ended(id)
		stop() // which waits for deliveries under way
		got := r.all()
		if len(got) != 1 {
			t.Fatalf("%d deliveries", len(got))
		}
		want := `{"type":"turn.finished","app":"app","channel":"chat","turn":"` + id.Name + `","message":"hello","user":"ada","state":"completed","text":"half done",` +
			`"parts":[{"kind":"data","name":"card","data":{"x":1}},{"kind":"audio","media":"audio/pcm","bytes":3}],` +
			`"usage":{"input_tokens":6,"output_tokens":805,"estimated":true},"outcome":{"reason":"stop"},"at":946684800000}`
		if string(got[0].body) != want {
			t.Errorf("got  %s\nwant %s", got[0].body, want)
		}
		// The signature, checked as docs/webhooks.md says.
		var unix int64
		var sig string
		if _, err := fmt.Sscanf(got[0].header.Get("Karez-Signature"), "t=%d,v1=%s", &unix, &sig); err != nil {
			t.Fatal(err)
		}
		m := hmac.New(sha256.New, []byte("s3cret"))
		fmt.Fprintf(m, "%d.%s", unix, got[0].body)
		if sig != hex.EncodeToString(m.Sum(nil)) || unix != got[0].at.Unix() {
			t.Errorf("signature %q at %d", sig, unix)
		}
		if s, err := p.b.Stats(context.Background(), turns.Webhooks); err != nil || s.Waiting+s.Leased != 0 {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

// A receiver that is down is tried again, with the same delivery id, and turns
// go on meanwhile.
func TestWebhookIsTriedAgain(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		r := &receiver{status: func(n int) int { return []int{0, 500, 302, 200, 200}[n-1] }}
		stop := work(t, p.b, play(t, scripted.Step{Text: "a"}), worker.Options{Concurrency: 1, Webhook: r.hook()})
		p.ended(p.prompt("one"))
		time.Sleep(time.Minute)
		p.ended(p.prompt("two"))
		time.Sleep(time.Minute)
		got := r.all()
		if len(got) != 5 {
			t.Fatalf("%d deliveries", len(got))
		}
		for i, d := range got[1:4] {
			if d.header.Get("Karez-Delivery") != got[0].header.Get("Karez-Delivery") || string(d.body) != string(got[0].body) {
				t.Errorf("try %d is another delivery", i+2)
			}
		}
		if got[4].header.Get("Karez-Delivery") == got[0].header.Get("Karez-Delivery") {
			t.Error("two turns are one delivery")
		}
		stop()
	})
}

// A delivery outlives its worker, and is given up after its time.
func TestWebhookOutlivesItsWorker(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		down := &receiver{status: func(int) int { return 503 }}
		stop := work(t, p.b, play(t, scripted.Step{Text: "a"}), worker.Options{Webhook: down.hook(), Drain: time.Second})
		p.ended(p.prompt("one"))
		time.Sleep(10 * time.Second)
		stop()
		if n := len(down.all()); n < 2 {
			t.Errorf("tried %d times", n)
		}
		up := &receiver{status: ok}
		stop = work(t, p.b, play(t), worker.Options{Webhook: up.hook()})
		time.Sleep(time.Minute)
		if n := len(up.all()); n != 1 {
			t.Fatalf("delivered %d times by the next worker", n)
		}
		stop()

		down.got = nil
		stop = work(t, p.b, play(t, scripted.Step{Text: "a"}), worker.Options{Webhook: down.hook()})
		p.ended(p.prompt("two"))
		time.Sleep(10 * time.Minute)
		got := down.all()
		if len(got) < 5 || got[len(got)-1].at.Sub(got[0].at) > 5*time.Minute {
			t.Errorf("tried %d times in %v", len(got), got[len(got)-1].at.Sub(got[0].at))
		}
		if s, err := p.b.Stats(context.Background(), turns.Webhooks); err != nil || s.Waiting+s.Leased != 0 {
			t.Errorf("%+v, %v", s, err)
		}
		stop()
	})
}

// Whatever single call of a worker fails, the receiver hears of the turn.
func TestWebhookIsNeverForgotten(t *testing.T) {
	for _, kept := range []faultbroker.Fault{faultbroker.Lost, faultbroker.Kept} {
		for n := 1; ; n++ {
			calls := 0
			bubble(t, func(t *testing.T, p *place) {
				r := &receiver{status: ok}
				frail := faultbroker.New(p.b, faultbroker.At(n, kept)) // dies there
				o := worker.Options{Webhook: r.hook(), Drain: time.Second}
				stop := work(t, frail, play(t, scripted.Step{Text: "a"}), o)
				id := p.prompt("one")
				time.Sleep(time.Second)
				calls = frail.Calls()
				stop()
				stop = work(t, p.b, play(t, scripted.Step{Text: "a"}), o)
				p.ended(id)
				time.Sleep(time.Minute)
				if n := len(r.all()); n < 1 || n > 3 {
					t.Errorf("delivered %d times", n)
				}
				stop()
			})
			if t.Failed() {
				t.Fatalf("it died at call %d (%d)", n, kept)
			}
			if calls < n {
				break
			}
		}
	}
}

// A turn that was cancelled before any worker had it is told of, if the
// gateway knows that somebody wants to hear.
func TestWebhookOfACancelledTurn(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		p.t = turns.New(p.b, turns.Options{Webhooks: true})
		id := p.prompt("one")
		if err := p.t.Cancel(context.Background(), id, "ada"); err != nil {
			t.Fatal(err)
		}
		r := &receiver{status: ok}
		stop := work(t, p.b, play(t, scripted.Step{Text: "a"}), worker.Options{Webhook: r.hook()})
		time.Sleep(time.Minute)
		stop()
		got := r.all()
		if len(got) != 1 || !strings.Contains(string(got[0].body), `"state":"cancelled"`) {
			t.Errorf("%d deliveries", len(got))
		}
		if _, a := p.log(id); a.State != turn.Aborted {
			t.Errorf("%s", a.State)
		}
	})
}
