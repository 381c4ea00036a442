package membroker

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/karez/karez/turn"
)

// openSaying opens a folder and returns what is said to the operator.
func openSaying(t *testing.T, dir string) (*Broker, *bytes.Buffer) {
	t.Helper()
	var said bytes.Buffer
	b, err := Open(dir, Options{Log: slog.New(slog.NewTextHandler(&said, nil))})
	if err != nil {
		t.Fatalf("open: %v\n%s", err, &said)
	}
	return b, &said
}

// compare wants of each writer what it acknowledged, and at most one thing
// more; lost allows for what a test took away.
func (a acks) compare(t *testing.T, b *Broker, lost uint64) {
	t.Helper()
	near := func(what string, w int, have uint64) {
		t.Helper()
		if acked := a[what][w]; have+lost < acked || have > acked+1 {
			t.Errorf("%s of writer %d: %d was acknowledged, the folder has %d", what, w, acked, have)
		}
	}
	for w := range writers {
		evs := readAll(t, b, childTurn(w))
		for i, ev := range evs {
			if ev.Seq != turn.Seq(i+1) || string(ev.Data) != strconv.Itoa(i+1) {
				t.Fatalf("writer %d: event %d is at %d and says %q", w, i+1, ev.Seq, ev.Data)
			}
		}
		near("append", w, uint64(len(evs)))
		info, err := b.Info(t.Context(), childTurn(w))
		if err != nil {
			t.Fatal(err)
		}
		near("begin", w, uint64(info.Epoch))
		val, _, err := b.Get(t.Context(), childKey(w))
		if err != nil {
			t.Fatal(err)
		}
		set, _ := strconv.ParseUint(string(val), 10, 64)
		near("set", w, set)
		s, err := b.Stats(t.Context(), fmt.Sprint("q", w))
		if err != nil {
			t.Fatal(err)
		}
		if acked := a["jobs"][w]; uint64(s.Waiting)+1+lost < acked || uint64(s.Waiting) > acked+1 { // one more or one done
			t.Errorf("jobs of writer %d: %d were acknowledged, the folder has %d", w, acked, s.Waiting)
		}
	}
}

func readAll(t *testing.T, b *Broker, id turn.ID) (out []turn.Event) {
	t.Helper()
	for {
		at := turn.Seq(0)
		if len(out) > 0 {
			at = out[len(out)-1].Seq
		}
		evs, err := b.Read(t.Context(), id, at, 1000)
		if err != nil {
			t.Fatal(err)
		}
		if len(evs) == 0 {
			return out
		}
		out = append(out, evs...)
	}
}

// What was acknowledged survives a kill -9, and at most what was under way is
// there besides (design: 2).
func TestKilledProcessKeepsWhatItAcknowledged(t *testing.T) {
	dir, a := t.TempDir(), make(acks)
	for _, after := range []int{200, 1, 3000} {
		a.runAndKill(t, dir, after)
		if after > 1 && a["append"][0] == 0 {
			t.Fatal("the child acknowledged nothing")
		}
		b, said := openSaying(t, dir)
		if !strings.Contains(said.String(), "was not closed") {
			t.Errorf("the operator is not told of the kill:\n%s", said)
		}
		a.compare(t, b, 0)
		a.adjust(t, b)
		closeBroker(t, b)
	}
	b, said := openSaying(t, dir)
	defer closeBroker(t, b)
	if said.Len() > 0 {
		t.Errorf("said of a folder that was closed:\n%s", said)
	}
	a.compare(t, b, 0)
}

// adjust takes what was not acknowledged and is kept for acknowledged: now it
// has been seen.
func (a acks) adjust(t *testing.T, b *Broker) {
	t.Helper()
	for w := range writers {
		for what, have := range map[string]func() uint64{
			"append": func() uint64 { return uint64(len(readAll(t, b, childTurn(w)))) },
			"begin":  func() uint64 { i, _ := b.Info(t.Context(), childTurn(w)); return uint64(i.Epoch) },
			"set": func() uint64 {
				v, _, _ := b.Get(t.Context(), childKey(w))
				n, _ := strconv.ParseUint(string(v), 10, 64)
				return n
			},
			"jobs": func() uint64 { s, _ := b.Stats(t.Context(), fmt.Sprint("q", w)); return uint64(s.Waiting) },
		} {
			of := a[what]
			of[w] = have()
			a[what] = of
		}
	}
}

// newestJournal returns the storage library's newest journal.
func newestJournal(t *testing.T, dir string) string {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "logs", "*.log"))
	if err != nil || len(all) == 0 {
		t.Fatalf("journals: %v, %v", all, err)
	}
	return slices.Max(all)
}

// A journal that ends inside a write is mended, and the operator told.
func TestTornJournalIsMendedAndSaid(t *testing.T) {
	dir, a := t.TempDir(), make(acks)
	a.runAndKill(t, dir, 500)
	journal := newestJournal(t, dir)
	info, err := os.Stat(journal)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(journal, info.Size()-3); err != nil {
		t.Fatal(err)
	}
	b, said := openSaying(t, dir)
	for _, want := range []string{"level=WARN", "ends inside a write", "file=" + journal} {
		if !strings.Contains(said.String(), want) {
			t.Errorf("the operator is not told %q:\n%s", want, said)
		}
	}
	a.compare(t, b, 1) // the write that was torn
	if err := writeSome(b); err != nil {
		t.Fatal(err)
	}
	closeBroker(t, b)
	b, said = openSaying(t, dir)
	defer closeBroker(t, b)
	if said.Len() > 0 {
		t.Errorf("said after the repair:\n%s", said)
	}
}

func writeSome(b *Broker) error {
	e, top, err := b.Begin(b.ctx, childTurn(0))
	if err == nil {
		_, err = b.Append(b.ctx, childTurn(0), e, top+1, text("x"))
	}
	return err
}

// A journal that is broken in its middle is no torn end: opening it would lose
// what follows without a word (design: 6).
func TestBrokenJournalIsRefused(t *testing.T) {
	dir := t.TempDir()
	make(acks).runAndKill(t, dir, 3000)
	journal := newestJournal(t, dir)
	p, err := os.ReadFile(journal)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 8 {
		p[len(p)/2+i] ^= 0x55
	}
	if err := os.WriteFile(journal, p, 0o600); err != nil {
		t.Fatal(err)
	}
	b, err := Open(dir, Options{Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		closeBroker(t, b)
		t.Fatal("a folder with a broken journal was opened")
	}
	if !strings.Contains(err.Error(), "restore it from a copy") {
		t.Errorf("the error does not say what to do: %v", err)
	}
	if _, err := Open(dir, Options{Log: slog.New(slog.DiscardHandler)}); err == nil || strings.Contains(err.Error(), "in use") {
		t.Errorf("opening it again: %v", err) // the lock was let go
	}
}
