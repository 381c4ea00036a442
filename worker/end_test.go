package worker_test

import (
	"context"
	"encoding/json"
	"errors"
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

// A stub is a provider made of a function.
type stub func(ctx context.Context, req worker.Request, emit func(turn.Event) error) (string, error)

func (stub) Name() string { return "stub" }

func (s stub) Stream(ctx context.Context, req worker.Request, emit func(turn.Event) error) (string, error) {
	return s(ctx, req, emit)
}

func failure(tb testing.TB, a turn.Answer) turn.Failure {
	tb.Helper()
	var f turn.Failure
	if a.State != turn.Failed {
		tb.Fatalf("the turn is %s, not failed", a.State)
	}
	if err := json.Unmarshal(a.Outcome, &f); err != nil {
		tb.Fatal(err)
	}
	return f
}

// A cancel reaches the provider's connection, and ends the turn with who
// cancelled it (design: 4).
func TestCancelWhileRunning(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		cause := make(chan error, 1)
		stop := work(t, p.b, stub(func(ctx context.Context, _ worker.Request, emit func(turn.Event) error) (string, error) {
			if err := emit(turn.Event{Kind: turn.KindText, Data: []byte("half")}); err != nil {
				return "", err
			}
			<-ctx.Done()
			cause <- context.Cause(ctx)
			return "", ctx.Err()
		}), worker.Options{})
		id := p.prompt("hello")
		p.shows(id, 4)
		began := time.Now()
		if err := p.t.Cancel(context.Background(), id, "ada"); err != nil {
			t.Fatal(err)
		}
		a := p.ended(id)
		if a.State != turn.Aborted || string(a.Outcome) != `{"by":"ada"}` || a.Text() != "half" {
			t.Errorf("%s %s %q", a.State, a.Outcome, a.Text())
		}
		if d := time.Since(began); d > time.Second {
			t.Errorf("the cancel took %v", d)
		}
		if err := <-cause; !strings.Contains(err.Error(), "cancelled by ada") {
			t.Errorf("the provider was stopped because of %v", err)
		}
		if a.Usage == nil || !a.Usage.Estimated {
			t.Errorf("usage %+v", a.Usage)
		}
		stop()
	})
}

// A cancel before the turn, or before a worker, keeps the provider from being
// asked.
func TestCancelBeforeTheStart(t *testing.T) {
	for _, early := range []bool{true, false} {
		bubble(t, func(t *testing.T, p *place) {
			id := turn.NewID("app", "chat", turn.NameFor("app", "chat", "ada", "hello"))
			if early {
				if err := p.t.Cancel(context.Background(), id, "ada"); err != nil {
					t.Fatal(err)
				}
			}
			p.prompt("hello")
			if !early {
				if err := p.t.Cancel(context.Background(), id, "ada"); err != nil {
					t.Fatal(err)
				}
			}
			defer work(t, p.b, stub(func(context.Context, worker.Request, func(turn.Event) error) (string, error) {
				t.Error("the provider was asked")
				return "stop", nil
			}), worker.Options{})()
			if a := p.ended(id); a.State != turn.Aborted {
				t.Errorf("early %v: %s", early, a.State)
			}
		})
	}
}

// A cancel whose signal is lost with a connection is seen at the next beat.
func TestCancelWhoseSignalIsLost(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		stop := work(t, p.b, play(t, scripted.Step{Text: "half"}, scripted.Step{Stall: true}), worker.Options{})
		id := p.prompt("hello")
		p.shows(id, 4)
		deaf := faultbroker.New(p.b, func(c faultbroker.Call) faultbroker.Fault {
			if c.Op == "Publish" {
				return faultbroker.Lost
			}
			return faultbroker.None
		})
		if err := turns.New(deaf, turns.Options{}).Cancel(context.Background(), id, "ada"); err == nil {
			t.Fatal("the signal was to get lost")
		}
		time.Sleep(worker.DefaultLease / 3)
		if a := p.ended(id); a.State != turn.Aborted {
			t.Errorf("%s", a.State)
		}
		stop()
	})
}

// A provider that fails before the first piece is asked again, unseen.
func TestRetryBeforeContent(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		down := &scripted.Failure{Code: turn.CodeProviderDown, Message: "down", Retry: true}
		stop := work(t, p.b, play(t,
			scripted.Step{Error: down, Ask: 1}, scripted.Step{Error: down, Ask: 2}, scripted.Step{Text: "here"},
		), worker.Options{})
		a := p.ended(p.prompt("hello"))
		if a.State != turn.Completed || a.Text() != "here" || a.Epoch != 1 {
			t.Errorf("%s, %q, epoch %d", a.State, a.Text(), a.Epoch)
		}
		stop()
	})
}

// One that fails in the middle continues under a new epoch, or starts over.
func TestRetryAfterContent(t *testing.T) {
	for _, continues := range []bool{true, false} {
		bubble(t, func(t *testing.T, p *place) {
			steps := []scripted.Step{
				{Text: "{i} é🙂 ", Repeat: 50, Every: 10 * ms},
				{Error: &scripted.Failure{Code: turn.CodeProviderBroken, Message: "broke off", Retry: true}, Ask: 1},
				{Text: "end"},
			}
			if continues {
				steps = append(steps, scripted.Step{Continue: true})
			}
			stop := work(t, p.b, play(t, steps...), worker.Options{})
			id := p.prompt("hello")
			a := p.ended(id)
			evs, _ := p.log(id)
			want := whole()[:strings.Index(whole(), "50 ")] + "end"
			if a.State != turn.Completed || a.Text() != want || a.Epoch != 2 {
				t.Errorf("%s, epoch %d, %q", a.State, a.Epoch, a.Text())
			}
			if es := starts(t, evs); len(es) != 1 || es[0].Reason != "provider_retry" || es[0].All != continues {
				t.Errorf("epoch events %+v", es)
			}
			stop()
		})
	}
}

func TestFailures(t *testing.T) {
	down := &scripted.Failure{Code: turn.CodeProviderDown, Message: "down", Retry: true}
	big := strings.Repeat("x", 1000)
	for name, c := range map[string]struct {
		steps []scripted.Step
		opts  worker.Options
		want  turn.Failure
		text  string
		least time.Duration // that it takes
		most  time.Duration
	}{
		"down for good":     {steps: []scripted.Step{{Text: "a"}, {Error: down}}, want: turn.Failure{Code: turn.CodeProviderDown, Message: "down", Retryable: true}, text: "a", least: 700 * time.Millisecond, most: 3 * time.Second},
		"rejected":          {steps: []scripted.Step{{Error: &scripted.Failure{Code: turn.CodeProviderRejected, Message: "no"}}}, want: turn.Failure{Code: turn.CodeProviderRejected, Message: "no"}, most: time.Second},
		"asks for patience": {steps: []scripted.Step{{Error: &scripted.Failure{Code: turn.CodeProviderLimited, Message: "slow", Retry: true, After: 3600_000 * ms}}}, want: turn.Failure{Code: turn.CodeProviderLimited, Message: "slow", Retryable: true}, most: time.Second},
		"panics":            {steps: []scripted.Step{{Text: "a"}, {Panic: "boo"}}, want: turn.Failure{Code: turn.CodeInternal, Message: "the provider failed"}, text: "a", most: time.Second},
		"silent":            {steps: []scripted.Step{{Text: "a"}, {Stall: true}}, want: turn.Failure{Code: turn.CodeProviderTimeout, Message: "the model has said nothing for 2m0s", Retryable: true}, text: "a", least: 2 * time.Minute, most: 121 * time.Second},
		"silent at once":    {steps: []scripted.Step{{Stall: true}}, opts: worker.Options{Silence: time.Second}, want: turn.Failure{Code: turn.CodeProviderTimeout, Message: "the model has said nothing for 1s", Retryable: true}, most: 2 * time.Second},
		"too long":          {steps: []scripted.Step{{Text: big, Repeat: 100, Every: ms}}, opts: worker.Options{MaxAnswer: 5000}, want: turn.Failure{Code: turn.CodeTooLong, Message: "the answer is longer than this server allows"}, text: strings.Repeat(big, 5), most: time.Second},
		"too slow":          {steps: []scripted.Step{{Text: "a", Repeat: 100000, Every: 1000 * ms}}, opts: worker.Options{MaxTurn: 5500 * time.Millisecond}, want: turn.Failure{Code: turn.CodeTurnExpired, Message: "the answer took longer than 5.5s", Retryable: true}, text: "aaaaaa", most: 6 * time.Second},
		"nobody answers":    {steps: []scripted.Step{{Text: "a"}, {Kind: turn.KindSuspended, Data: json.RawMessage(`{"reason":"approval","deadline":946685100000}`)}, {Stall: true}}, want: turn.Failure{Code: turn.CodeTurnExpired, Message: "nobody answered in time", Retryable: true}, text: "a", least: 5 * time.Minute, most: 301 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *place) { // time begins at 2000-01-01, 946684800000
				stop := work(t, p.b, play(t, c.steps...), c.opts)
				began := time.Now()
				id := p.prompt("hello")
				a := p.ended(id)
				took := time.Since(began)
				if got := failure(t, a); got != c.want || a.Text() != c.text {
					t.Errorf("%+v, %q", got, a.Text())
				}
				if took < c.least || took > c.most {
					t.Errorf("took %v", took)
				}
				// The worker is well: the next turn of the channel runs.
				if next := p.ended(p.prompt("next")); !next.State.Terminal() {
					t.Errorf("the next turn is %s", next.State)
				}
				stop()
			})
		})
	}
}

// What only the worker may write, or no reader could fold, is refused.
func TestProviderThatBreaksItsContract(t *testing.T) {
	for _, ev := range []turn.Event{
		{Kind: turn.KindEnd, Data: []byte(`{}`)}, {Kind: turn.KindPrompt}, {Kind: turn.KindEpoch}, {},
		{Kind: turn.KindUsage, Data: []byte(`?`)}, {Kind: turn.KindData, Data: make([]byte, turn.MaxData+1)},
	} {
		bubble(t, func(t *testing.T, p *place) {
			stop := work(t, p.b, stub(func(_ context.Context, _ worker.Request, emit func(turn.Event) error) (string, error) {
				if err := emit(turn.Event{Kind: turn.KindText, Data: []byte("a")}); err != nil {
					return "", err
				}
				_ = emit(ev) // and it goes on as if nothing were
				_ = emit(turn.Event{Kind: turn.KindText, Data: []byte("b")})
				return "stop", nil
			}), worker.Options{})
			a := p.ended(p.prompt("hello"))
			if f := failure(t, a); f.Code != turn.CodeProviderBroken || a.Text() != "a" {
				t.Errorf("%q: %+v, %q", ev.Kind, f, a.Text())
			}
			stop()
		})
	}
}

// A provider that does not let go holds up neither the end of its turn nor the
// next one.
func TestProviderThatDoesNotLetGo(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		free := make(chan struct{})
		stop := work(t, p.b, stub(func(_ context.Context, req worker.Request, emit func(turn.Event) error) (string, error) {
			if err := emit(turn.Event{Kind: turn.KindText, Data: []byte("a")}); err != nil {
				return "", err
			}
			if req.Messages[len(req.Messages)-1].Text == "hangs" {
				<-free
			}
			return "stop", nil
		}), worker.Options{})
		id := p.prompt("hangs")
		p.shows(id, 1)
		next := p.prompt("next")
		if err := p.t.Cancel(context.Background(), id, "ada"); err != nil {
			t.Fatal(err)
		}
		if a := p.ended(id); a.State != turn.Aborted {
			t.Errorf("%s", a.State)
		}
		if a := p.ended(next); a.State != turn.Completed {
			t.Errorf("%s", a.State)
		}
		close(free)
		stop()
	})
}

// A log that is slower than the provider holds the provider back: it is never
// ahead by more than a batch, and nothing is lost or reordered.
func TestSlowLogHoldsTheProviderBack(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		const n = 2000
		var mu sync.Mutex
		said, most := 0, 0
		b := faultbroker.New(p.b, nil)
		b.Plan(func(c faultbroker.Call) faultbroker.Fault {
			if c.Op == "Append" && c.ID.Kind == turn.TurnLog {
				info, err := p.b.Info(context.Background(), c.ID)
				mu.Lock()
				if err == nil {
					most = max(most, said-int(info.Top))
				}
				mu.Unlock()
				time.Sleep(50 * time.Millisecond)
			}
			return faultbroker.None
		})
		stop := work(t, b, stub(func(_ context.Context, _ worker.Request, emit func(turn.Event) error) (string, error) {
			for i := range n {
				if err := emit(turn.Event{Kind: turn.KindText, Data: []byte{'a' + byte(i%26)}}); err != nil {
					return "", err
				}
				mu.Lock()
				said++
				mu.Unlock()
			}
			return "stop", nil
		}), worker.Options{})
		a := p.ended(p.prompt("hello"))
		if len(a.Text()) != n || !strings.HasPrefix(strings.Repeat("abcdefghijklmnopqrstuvwxyz", n), a.Text()) {
			t.Errorf("%d bytes of text", len(a.Text()))
		}
		if most > 2*256 {
			t.Errorf("the provider was %d events ahead of the log", most)
		}
		stop()
	})
}

// Text that is longer than an event is cut between characters (design: 9).
func TestLongTextIsCutAtCharacters(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		text := "x" + strings.Repeat("🙂é", turn.MaxData/4)
		stop := work(t, p.b, play(t, scripted.Step{Text: text, Name: "n"}), worker.Options{})
		id := p.prompt("hello")
		a := p.ended(id)
		evs, _ := p.log(id)
		if a.Text() != text {
			t.Errorf("%d bytes of text, want %d", len(a.Text()), len(text))
		}
		if got := turn.Align(nil, evs); &got[0] != &evs[0] {
			t.Error("an event begins or ends inside a character")
		}
		stop()
	})
}

func TestUsageOfTheProviderCounts(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		stop := work(t, p.b, play(t, scripted.Step{Text: "a"}, scripted.Step{Usage: &turn.Usage{Input: 7, Output: 1, Model: "m"}}, scripted.Step{End: turn.ReasonLength}), worker.Options{})
		a := p.ended(p.prompt("hello"))
		if a.Usage == nil || *a.Usage != (turn.Usage{Input: 7, Output: 1, Model: "m"}) || string(a.Outcome) != `{"reason":"length"}` {
			t.Errorf("%+v %s", a.Usage, a.Outcome)
		}
		stop()
	})
}

func TestManyTurnsAtATime(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		var mu sync.Mutex
		now, most := 0, 0
		stop := work(t, p.b, stub(func(context.Context, worker.Request, func(turn.Event) error) (string, error) {
			mu.Lock()
			now++
			most = max(most, now)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			now--
			mu.Unlock()
			return "stop", nil
		}), worker.Options{Concurrency: 3})
		var ids []turn.ID
		for _, ch := range []string{"a", "b", "c", "d", "e"} {
			a := ask("hello", "m")
			a.Channel = ch
			ids = append(ids, p.ask(a))
		}
		for _, id := range ids {
			if a := p.ended(id); a.State != turn.Completed {
				t.Errorf("%s: %s", id, a.State)
			}
		}
		if most != 3 {
			t.Errorf("%d at a time, want 3", most)
		}
		stop()
	})
}

func TestRunEndsWithItsBroker(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		done := make(chan error, 1)
		go func() { done <- worker.New(p.b, play(t, long()), worker.Options{}).Run(context.Background()) }()
		time.Sleep(time.Second)
		if err := p.b.Close(); err != nil {
			t.Fatal(err)
		}
		if err := <-done; err == nil || errors.Is(err, context.Canceled) {
			t.Errorf("%v", err)
		}
	})
}
