package client

import (
	"context"
	"testing"

	"github.com/karez/karez/turn"
)

// A queue refuses what is beyond its bounds, says when it has been emptied, and
// ends after what it holds (design: 7).
func TestQueueIsBounded(t *testing.T) {
	q := &queue{woken: make(chan struct{}, 1)}
	ctx := context.Background()
	big := Delta{Event: turn.Event{Data: make([]byte, turn.MaxData)}}
	for _, ev := range []Event{Signal{}, big} {
		taken := 0
		for q.push(ev) {
			if taken++; taken > maxQueued {
				t.Fatalf("%T: %d were taken", ev, taken)
			}
		}
		if q.setLag() {
			t.Fatal("a full queue is empty")
		}
		for i := range taken {
			got, drained, err := q.next(ctx)
			if got == nil || err != nil || drained != (i == taken-1) {
				t.Fatalf("%d of %d: %v, drained %v, %v", i, taken, got, drained, err)
			}
		}
		if q.bytes != 0 || !q.setLag() {
			t.Fatalf("%d bytes are left of an empty queue", q.bytes)
		}
	}
	q.push(Signal{})
	q.end(errClosed)
	if ev, _, err := q.next(ctx); ev == nil || err != nil {
		t.Errorf("%v, %v: what was there is lost", ev, err)
	}
	if ev, _, err := q.next(ctx); ev != nil || err != errClosed {
		t.Errorf("%v, %v", ev, err)
	}
	if !q.push(Signal{}) {
		t.Error("an ended queue makes its follower lag")
	}
}
