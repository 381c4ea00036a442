package worker_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

// What no log takes and no reader folds ends its turn at once: another try
// would meet the same.
func TestWhatNoLogTakes(t *testing.T) {
	big := strings.Repeat("x", 300<<10)
	attrs := make(map[string]string)
	for i := range broker.MaxAttrs {
		attrs[strconv.Itoa(i)] = "" // and the worker adds the time
	}
	emits := func(ev turn.Event) stub {
		return func(_ context.Context, _ worker.Request, emit func(turn.Event) error) (string, error) {
			return "", emit(ev)
		}
	}
	for name, s := range map[string]stub{
		"attributes": emits(turn.Event{Kind: turn.KindText, Data: []byte("x"), Attrs: attrs}),
		"large one":  emits(turn.Event{Kind: turn.KindText, Data: []byte("x"), Attrs: map[string]string{"a": big}}),
		"part":       emits(turn.Event{Kind: turn.KindText, Data: []byte("x"), Part: big}),
		"name":       emits(turn.Event{Kind: turn.KindData, Data: []byte("{}"), Name: big}),
		"data":       emits(turn.Event{Kind: turn.KindData, Data: []byte(`"` + big + `"`)}),
		"kind":       emits(turn.Event{Kind: turn.Kind(big), Data: []byte(`"` + big + `"`)}),
		"usage":      emits(turn.Event{Kind: turn.KindUsage, Data: []byte("x")}),
		"parts": func(_ context.Context, _ worker.Request, emit func(turn.Event) error) (string, error) {
			for range turn.MaxParts + 1 {
				if err := emit(turn.Event{Kind: turn.KindData, Data: []byte("{}")}); err != nil {
					return "", err
				}
			}
			return "", nil
		},
		"named parts": func(_ context.Context, _ worker.Request, emit func(turn.Event) error) (string, error) {
			for i := range 2 * (turn.MaxParts + 1) {
				if err := emit(turn.Event{Kind: turn.KindText, Part: strconv.Itoa(i / 2), Data: []byte("x")}); err != nil {
					return "", err
				}
			}
			return "", nil
		},
		"reason": func(context.Context, worker.Request, func(turn.Event) error) (string, error) { return big, nil },
		"message": func(context.Context, worker.Request, func(turn.Event) error) (string, error) {
			return "", &worker.ProviderError{Code: turn.CodeProviderBroken, Message: big}
		},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, func(t *testing.T, p *place) {
				asked := 0
				stop := work(t, p.b, stub(func(ctx context.Context, req worker.Request, emit func(turn.Event) error) (string, error) {
					asked++
					return s(ctx, req, emit)
				}), worker.Options{})
				a := p.ended(p.prompt("hello"))
				stop()
				if f := failure(t, a); f.Code != turn.CodeProviderBroken || len(f.Message) > 5000 || asked != 1 {
					t.Errorf("asked %d times: %s, %.200s", asked, f.Code, f.Message)
				}
				if a.Epoch != 1 {
					t.Errorf("it took %d epochs", a.Epoch)
				}
			})
		})
	}
}

// A picky broker refuses one kind of event for a reason of its own.
type picky struct {
	broker.Broker
	refused atomic.Int32
}

func (b *picky) Append(ctx context.Context, id turn.ID, e turn.Epoch, first turn.Seq, evs ...turn.Event) (turn.Seq, error) {
	for _, ev := range evs {
		if ev.Kind == turn.KindFile {
			b.refused.Add(1)
			return 0, errors.New("too many values for a script")
		}
	}
	return b.Broker.Append(ctx, id, e, first, evs...)
}

// A log may refuse for good what the worker thought well of.
func TestAppendThatNeverSucceeds(t *testing.T) {
	bubble(t, func(t *testing.T, p *place) {
		b := &picky{Broker: p.b}
		stop := work(t, b, stub(func(_ context.Context, _ worker.Request, emit func(turn.Event) error) (string, error) {
			if err := emit(turn.Event{Kind: turn.KindText, Data: []byte("half")}); err != nil {
				return "", err
			}
			return "", emit(turn.Event{Kind: turn.KindFile, Data: []byte("{}")})
		}), worker.Options{})
		a := p.ended(p.prompt("hello"))
		stop()
		if f := failure(t, a); f.Code != turn.CodeProviderBroken || b.refused.Load() != 1 || a.Epoch != 1 {
			t.Errorf("%d tries, epoch %d: %+v", b.refused.Load(), a.Epoch, f)
		}
	})
}
