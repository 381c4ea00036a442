package turns

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
)

// A spoiled broker has one log whose entries cannot be read from a place on.
type spoiled struct {
	broker.Broker
	id    turn.ID
	after turn.Seq
	why   error
}

func (b *spoiled) Read(ctx context.Context, id turn.ID, after turn.Seq, max int) ([]turn.Event, error) {
	if id != b.id || after < b.after && max == 1 {
		return b.Broker.Read(ctx, id, after, max)
	}
	if after < b.after {
		return b.Broker.Read(ctx, id, after, int(b.after-after))
	}
	return nil, fmt.Errorf("read %s: %w", id, b.why)
}

// A foreign end that nobody can read ends its turn as failed, and the channel
// goes on.
func TestAnEndThatCannotBeRead(t *testing.T) {
	for _, why := range []error{broker.ErrMalformed, broker.ErrTrimmed} {
		over(t, Options{}, func(t *testing.T, b broker.Broker, _ *Turns) {
			own := turn.NewID("app", "chat", "own")
			bad := &spoiled{Broker: b, id: own, after: 1, why: why}
			ts := New(bad, Options{})
			if _, err := ts.Create(ctx, own, turn.Prompt{Text: "x"}, time.Now().UnixMilli()); err != nil {
				t.Fatal(err)
			}
			if _, err := b.Append(ctx, own, 0, 0, turn.Event{Kind: turn.KindEnd, Data: []byte(`{}`)}); err != nil {
				t.Fatal(err)
			}
			accept(t, ts, "m1")
			settle(t, bad, ts)
			if got := state(t, ts, "m1"); got != turn.Completed {
				t.Errorf("%v: the next turn is %s", why, got)
			}
			tree, _, err := ts.tree(ctx, "app", "chat")
			if n := tree.Turn("own"); err != nil || n == nil || n.State != string(turn.Failed) {
				t.Errorf("%v: the timeline has %+v, %v", why, n, err)
			}
		})
	}
}

// Whatever is wrong with an older turn, a prompt is accepted; only when the
// broker is away it is not.
func TestAcceptBehindABrokenTurn(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, _ *Turns) {
		own := turn.NewID("app", "chat", "own")
		bad := &spoiled{Broker: b, id: own, after: 1, why: errors.New("WRONGTYPE")}
		ts := New(bad, Options{})
		if _, err := ts.Create(ctx, own, turn.Prompt{Text: "x"}, time.Now().UnixMilli()); err != nil {
			t.Fatal(err)
		}
		if _, err := b.Append(ctx, own, 0, 0, turn.Event{Kind: turn.KindEnd, Data: []byte(`{}`)}); err != nil {
			t.Fatal(err)
		}
		accept(t, ts, "m1")
		bad.why = broker.ErrUnavailable
		if _, _, err := ts.Accept(ctx, ask("m2")); !errors.Is(err, broker.ErrUnavailable) {
			t.Errorf("accepted while the broker is away: %v", err)
		}
	})
}

// A turn that does not fold is shown as failed with what there is of it.
func TestHistoryShowsWhatCannotBeRead(t *testing.T) {
	over(t, Options{}, func(t *testing.T, b broker.Broker, ts *Turns) {
		own := turn.NewID("app", "chat", "own")
		if _, err := ts.Create(ctx, own, turn.Prompt{Text: "x"}, time.Now().UnixMilli()); err != nil {
			t.Fatal(err)
		}
		for _, ev := range []turn.Event{
			{Kind: turn.KindText, Data: []byte("good")},
			{Kind: turn.KindUsage, Data: []byte("x")},
			{Kind: turn.KindEnd, Data: []byte(`{}`)},
		} {
			if _, err := b.Append(ctx, own, 0, 0, ev); err != nil {
				t.Fatal(err)
			}
		}
		past, err := ts.History(ctx, "app", "chat", "", 0, 0)
		if err != nil || len(past.Turns) != 1 {
			t.Fatalf("%+v, %v", past, err)
		}
		if a := past.Turns[0].Answer; a.State != turn.Failed || a.Text() != "good" || !strings.Contains(string(a.Outcome), turn.CodeProviderBroken) {
			t.Errorf("%+v", a)
		}
		bad := New(&spoiled{Broker: b, id: own, after: 2, why: broker.ErrMalformed}, Options{})
		if a, err := bad.Answer(ctx, own); err != nil || a.State != turn.Failed || a.Text() != "good" {
			t.Errorf("%+v, %v", a, err)
		}
	})
}

// A timeline stays near its bound whatever is written to it.
func TestTimelineStaysBounded(t *testing.T) {
	over(t, Options{Timeline: 100}, func(t *testing.T, b broker.Broker, ts *Turns) {
		for range 1000 {
			if _, err := ts.Tell(ctx, "app", "chat", turn.Event{Kind: channel.KindCustom, Name: "n", Data: []byte(`1`)}); err != nil {
				t.Fatal(err)
			}
		}
		tl := turn.Timeline("app", "chat")
		oldest, err := ts.Oldest(ctx, tl)
		if err != nil || oldest < 1000-100-trimEvery || oldest > 900 {
			t.Errorf("%d of 1000 are gone, %v", oldest, err)
		}
	})
}
