package brokertest

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// raceCases are many callers at once.
var raceCases = []testCase{
	{"many authors of one turn", manyAuthors},
	{"many writers of one timeline", manyWriters},
	{"many creators of one turn", manyCreators},
	{"readers follow while others write", followers},
	{"one state value, many setters", oneSetter},
}

// authors are what many workers know of one turn that all of them believe to
// be theirs.
type authors struct {
	mu      sync.Mutex // guards the two below
	acked   map[turn.Seq]string
	refused map[string]bool
}

// manyAuthors is rule 3 under fire: what was acknowledged is in the log, what
// was refused is not, and epochs never go back.
func manyAuthors(t *T) {
	const workers, rounds = 16, 12
	id := t.turn("t1")
	t.create(id, prompt("hi"))
	a := &authors{acked: make(map[turn.Seq]string), refused: make(map[string]bool)}
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for r := range rounds {
				if err := a.write(t, id, fmt.Sprintf("%d.%d", w, r)); err != nil {
					t.Errorf("worker %d: %v", w, err)
					return
				}
			}
		})
	}
	wg.Wait()
	e, top := t.begin(id)
	if e != workers*rounds+1 {
		t.Errorf("epoch %d after %d begins", e, workers*rounds)
	}
	evs := t.all(id, 0)
	if turn.Seq(len(evs)) != top {
		t.Fatalf("%d events, the top is %d", len(evs), top)
	}
	for i := range evs {
		said := string(evs[i].Data)
		if i > 0 && evs[i].Epoch < evs[i-1].Epoch {
			t.Errorf("epoch %d at %d follows epoch %d", evs[i].Epoch, evs[i].Seq, evs[i-1].Epoch)
		}
		if a.refused[said] {
			t.Errorf("%q was refused and stands at %d", said, evs[i].Seq)
		}
		if want, ok := a.acked[evs[i].Seq]; ok && want != said {
			t.Errorf("%q was acknowledged at %d, %q stands there", want, evs[i].Seq, said)
		}
		delete(a.acked, evs[i].Seq)
	}
	if len(a.acked) > 0 {
		t.Errorf("lost after they were acknowledged: %v", a.acked)
	}
}

// write opens an epoch and appends until it is fenced, or for a while.
func (a *authors) write(t *T, id turn.ID, name string) error {
	e, top, err := t.b.Begin(t.ctx, id)
	if err != nil {
		return err
	}
	for n := range 20 {
		batch := texts(fmt.Sprintf("%s.%d.%d.a ", name, e, n), fmt.Sprintf("%s.%d.%d.b ", name, e, n))
		last, err := t.b.Append(t.ctx, id, e, top+1, batch...)
		a.mu.Lock()
		for i := range batch {
			if err == nil {
				a.acked[top+1+turn.Seq(i)] = string(batch[i].Data)
			} else {
				a.refused[string(batch[i].Data)] = true
			}
		}
		a.mu.Unlock()
		if errors.Is(err, broker.ErrFenced) {
			return nil
		}
		if err != nil || last != top+2 {
			return fmt.Errorf("append under epoch %d at %d: place %d, %w", e, top+1, last, err)
		}
		top = last
	}
	return nil
}

func manyWriters(t *T) {
	const writers, each = 16, 40
	id := t.timeline()
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			last := turn.Seq(0)
			for i := range each {
				seq, err := t.b.Append(t.ctx, id, 0, 0, texts(fmt.Sprintf("%d.%d", w, i))...)
				if err != nil || seq <= last {
					t.Errorf("append: place %d after %d, %v", seq, last, err)
					return
				}
				last = seq
			}
		})
	}
	wg.Wait()
	evs := t.all(id, 0)
	if len(evs) != writers*each {
		t.Fatalf("%d events, want %d", len(evs), writers*each)
	}
	var next [writers]int
	for i := range evs {
		var w, n int
		if _, err := fmt.Sscanf(string(evs[i].Data), "%d.%d", &w, &n); err != nil || next[w] != n {
			t.Fatalf("%q stands at %d, where %d.%d was due", evs[i].Data, evs[i].Seq, w, next[w])
		}
		next[w]++
	}
}

func manyCreators(t *T) {
	const creators = 16
	for round := range 10 {
		id := t.turn(fmt.Sprint("t", round))
		var mu sync.Mutex // guards the one below
		var won []string
		var wg sync.WaitGroup
		for c := range creators {
			wg.Go(func() {
				name := fmt.Sprint("creator", c)
				err := t.b.Create(t.ctx, id, 0, texts(name, "!")...)
				if err == nil {
					mu.Lock()
					won = append(won, name)
					mu.Unlock()
				} else if !errors.Is(err, broker.ErrExists) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("%d creators of one log: %v", len(won), won)
		}
		t.says(id, won[0]+"!")
	}
}

// followers read on wake-ups from different places while the log is written;
// each sees every event once (design: 1, 2).
func followers(t *T) {
	const readers, events = 8, 300
	id := t.turn("t1")
	t.started(id, "") // the top is 2
	var wg sync.WaitGroup
	for r := range readers {
		wg.Go(func() {
			at, n := turn.Seq(r%3), turn.Seq(0)
			for {
				evs, err := broker.Wait(t.ctx, t.b, id, at, 1+7*r)
				if err == io.EOF {
					break
				}
				if err != nil {
					t.Errorf("reader %d at %d: %v", r, at, err)
					return
				}
				for i := range evs {
					if evs[i].Start() != at+1 {
						t.Errorf("reader %d: %d follows %d", r, evs[i].Start(), at)
						return
					}
					at = evs[i].Seq
					n++
				}
			}
			if want := turn.Seq(events + 3 - r%3); n != want {
				t.Errorf("reader %d saw %d events, want %d", r, n, want)
			}
		})
	}
	for i := range events {
		t.append(id, 1, turn.Seq(i+3), turn.Seq(i+3), texts(strings.Repeat("x", i%7))...)
	}
	t.append(id, 1, events+3, events+3, end())
	wg.Wait()
}

func oneSetter(t *T) {
	const setters = 16
	k, rev := t.key("k"), broker.Rev(0)
	for round := range 20 {
		var mu sync.Mutex // guards the one below
		var won []broker.Rev
		var wg sync.WaitGroup
		for s := range setters {
			wg.Go(func() {
				next, err := t.b.Set(t.ctx, k, fmt.Append(nil, s), rev, 0)
				if err == nil {
					mu.Lock()
					won = append(won, next)
					mu.Unlock()
				} else if !errors.Is(err, broker.ErrConflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			t.Fatalf("round %d: %d setters of revision %d succeeded", round, len(won), rev)
		}
		rev = won[0]
	}
}
