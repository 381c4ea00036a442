package gateway

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/karez/karez/turn"
)

// A client that pulls gets all of a turn and its end, however slowly, and holds
// one delivery at a time.
func TestPull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := node(t, Options{})
		ctx := context.Background()
		p, err := g.OpenPull(ann())
		if err != nil {
			t.Fatal(err)
		}
		a := begin(t, g, "t1")
		if _, err := p.Session().Follow(ctx, Follow{Channel: "chat", Turn: "t1"}); err != nil {
			t.Fatal(err)
		}
		for i := range 100 {
			a.text(token(i))
		}
		a.end()
		synctest.Wait()
		var got turn.Answer
		items := 0
		for ended := false; !ended; items++ {
			it, err := p.Next(ctx)
			if err != nil {
				t.Fatal(err)
			}
			switch it.Kind {
			case ItemBatch:
				for _, ev := range it.Batch.Events {
					if err := got.Add(ev); err != nil {
						t.Error(err)
					}
				}
			case ItemEnded:
				ended = it.Why == nil
			}
		}
		if got.State != turn.Completed || items > 8 {
			t.Errorf("%s after %d items", got.State, items)
		}
		for i := range maxSignals + 5 {
			p.Signal(Signal{Name: fmt.Sprint(i)})
		}
		if it, err := p.Next(ctx); err != nil || it.Signal.Name != "5" {
			t.Errorf("%+v, %v; want the oldest signals gone", it, err)
		}
		p.signals = nil
		p.Session().Close(ErrKicked)
		if _, err := p.Next(ctx); !errors.Is(err, ErrKicked) {
			t.Errorf("closed: %v", err)
		}
	})
}
