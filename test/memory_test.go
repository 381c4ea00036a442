package test

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/socket"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// What the memory test runs: viewers of turns of 20 MB in all.
const (
	memTurns    = 20
	memViewers  = 1000
	memSleepers = 200
	memPieces   = 1024
	memPiece    = 1 << 10 // bytes
)

// A viewer who never reads costs the node next to nothing, and gets the whole
// text when it reads again (design: 7).
func TestSleepersCostNothing(t *testing.T) {
	var without, with uint64
	t.Run("without", func(t *testing.T) { without = sleepers(t, 0) })
	t.Run("with", func(t *testing.T) { with = sleepers(t, memSleepers) })
	extra := int64(with) - int64(without)
	t.Logf("live heap with %d sleepers %d KB, without %d KB", memSleepers, with>>10, without>>10)
	if extra > 4<<20 {
		t.Errorf("%d sleepers cost %d KB of heap, at most 4096 KB", memSleepers, extra>>10)
	}
}

// sleepers runs all viewers, n of whom do not read until the others have got
// everything, and returns the live heap at that moment.
func sleepers(t *testing.T, n int) (heap uint64) {
	b := membroker.New(membroker.Options{})
	t.Cleanup(func() { b.Close() })
	addr := serveNode(t, b, gateway.Options{}, socket.Options{SendBuffer: 16 << 10, DeadAfter: time.Hour})
	authors := make([]*author, memTurns)
	for i := range authors {
		authors[i] = newAuthor(t, b, fmt.Sprint("t", i))
	}
	piece := strings.Repeat("é🙂 ab", memPiece/9+1)[:memPiece/9*9]
	want := []byte(strings.Repeat(piece, memPieces))
	var awake, asleep []*reader
	for i := range memViewers {
		r := dial(t, addr, wire.JSON, authors[i%memTurns].id, 16<<10)
		if i < n {
			asleep = append(asleep, r)
		} else {
			awake = append(awake, r)
		}
	}
	read := func(rs []*reader) {
		var wg sync.WaitGroup
		for i, r := range rs {
			wg.Go(func() {
				got, _, err := r.text()
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("viewer %d has %d of %d bytes: %v", i, len(got), len(want), err)
				}
			})
		}
		wg.Wait()
	}
	var wg sync.WaitGroup
	for _, a := range authors {
		wg.Go(func() {
			for range memPieces {
				if err := a.write(text(piece)); err != nil {
					t.Error(err)
					return
				}
			}
			if err := a.write(end()); err != nil {
				t.Error(err)
			}
		})
	}
	read(awake)
	wg.Wait()
	heap = settledHeap()
	read(asleep)
	return heap
}

// settledHeap is the live heap once it no longer falls: a node frees what it
// kept for readers at the same place when nobody has asked for a second or two.
func settledHeap() uint64 {
	least := liveHeap()
	for still := 0; still < 3; {
		time.Sleep(time.Second)
		if now := liveHeap(); now+(256<<10) < least {
			least, still = now, 0
		} else {
			still++
		}
	}
	return least
}

func liveHeap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// Who joins a long turn late gets it merged, not token by token.
func TestLateJoinCostsItsText(t *testing.T) {
	b := membroker.New(membroker.Options{})
	t.Cleanup(func() { b.Close() })
	addr := serveNode(t, b, gateway.Options{}, socket.Options{})
	a := newAuthor(t, b, "long")
	var want strings.Builder
	for i := range 50_000 {
		s := fmt.Sprintf(" w%d", i%100)
		want.WriteString(s)
		if err := a.write(text(s)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range wire.Codecs() {
		r := dial(t, addr, c, a.id, 0)
		size := 0
		var have turn.Answer
		for have.At < a.top {
			p, err := r.next()
			if err != nil {
				t.Fatal(err)
			}
			f, err := c.DecodeFrame(p)
			if err != nil {
				t.Fatal(err)
			}
			if f.Type != wire.FrameEvent {
				continue
			}
			size += len(p)
			f.Event.First = have.At + 1
			if err := have.Add(*f.Event); err != nil {
				t.Fatal(err)
			}
		}
		if have.Text() != want.String() || size > want.Len()*11/10 {
			t.Errorf("%s: %d of %d bytes of text in %d bytes of messages", c.Subprotocol(), len(have.Text()), want.Len(), size)
		}
	}
	if _, err := b.Info(context.Background(), a.id); err != nil {
		t.Error(err)
	}
}
