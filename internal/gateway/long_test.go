package gateway

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/karez/karez/turn"
)

// A reader that comes back to the middle of a long finished answer gets all of
// the rest: the log is compacted to events of the largest size, and the first
// read ends inside one.
func TestReaderInsideALongCompactedTurn(t *testing.T) {
	for _, at := range []turn.Seq{2, 487, 872, 873, 874, 2999} {
		synctest.Test(t, func(t *testing.T) {
			g := node(t, Options{})
			a := begin(t, g, "t1")
			piece := strings.Repeat("water ", 100)
			for range 3000 {
				a.text(piece)
			}
			a.end()
			if err := g.b.Compact(context.Background(), a.id, 0); err != nil {
				t.Fatal(err)
			}
			v := newViewer(t, g, ann())
			v.at[a.id] = at
			watch(t, v, Follow{Turn: "t1", After: at})
			synctest.Wait()
			if got, want := len(v.text(a.id)), (3001-int(at))*len(piece); got != want {
				t.Errorf("after %d: %d bytes, want %d", at, got, want)
			}
			if _, ok := v.ended[a.id]; !ok {
				t.Errorf("after %d: the end did not come", at)
			}
		})
	}
}
