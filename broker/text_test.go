package broker_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/turn"
)

// However a log is read in pages, also when compacted, its text is the same and
// each piece is whole characters (design: 9): a producer wrote an emoji byte by
// byte, and pages end within it.
func TestReadTextWithinACharacter(t *testing.T) {
	b := membroker.New(membroker.Options{})
	defer b.Close()
	ctx := context.Background()
	id := turn.NewID("app", "chat", "t1")
	if err := b.Create(ctx, id, 0, turn.Event{Kind: turn.KindPrompt, Data: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	const text = "a🙂bé🙂"
	for i := range len(text) {
		if _, err := b.Append(ctx, id, 0, 0, turn.Event{Kind: turn.KindText, Data: []byte{text[i]}}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.Append(ctx, id, 0, 0, turn.Event{Kind: turn.KindEnd, Data: []byte(`{"reason":"stop"}`)}); err != nil {
		t.Fatal(err)
	}
	for _, compacted := range []bool{false, true} {
		if compacted {
			if err := b.Compact(ctx, id, 0); err != nil {
				t.Fatal(err)
			}
		}
		for page := 1; page < len(text)+3; page++ {
			if got := pages(t, b, id, page); got != text {
				t.Errorf("pages of %d, compacted %v: %q", page, compacted, got)
			}
		}
		whole, err := broker.ReadText(ctx, b, id, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		for after := turn.Seq(1); after < turn.Seq(len(text)+1); after++ {
			want := textAfter(turn.Split(whole), after)
			evs, err := broker.ReadText(ctx, b, id, after, 100)
			if got := textAfter(turn.Split(evs), after); err != nil || got != want {
				t.Errorf("after %d, compacted %v: %q, want %q: %v", after, compacted, got, want, err)
			}
		}
	}
}

func pages(t *testing.T, b broker.Log, id turn.ID, page int) string {
	var a turn.Answer
	for {
		evs, err := broker.ReadText(context.Background(), b, id, a.At, page)
		if err == io.EOF {
			return a.Text()
		}
		if err != nil || len(evs) == 0 {
			t.Fatal(evs, err)
		}
		for _, ev := range evs {
			if err := a.Add(ev); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func textAfter(evs []turn.Event, after turn.Seq) (s string) {
	for _, ev := range evs {
		if ev.Seq > after && ev.Kind == turn.KindText {
			s += fmt.Sprintf("%d:%s ", ev.Seq, ev.Data)
		}
	}
	return s
}
