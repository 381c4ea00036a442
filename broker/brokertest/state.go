package brokertest

import (
	"bytes"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/karez/karez/broker"
)

// stateCases are State, and Update over it.
var stateCases = []testCase{
	{"set and get", setGet},
	{"absent is nil and rev 0", stateAbsent},
	{"set of another revision conflicts", setConflict},
	{"delete", stateDelete},
	{"a revision is never given again", revisions},
	{"ttl", stateExpires},
	{"set again without ttl", stateKept},
	{"a value that is too large", stateTooLarge},
	{"keys are apart", keysApart},
	{"update by many at once", updateMany},
}

func (t *T) key(name string) broker.Key {
	return broker.Key{App: t.app, Channel: "chat", Name: name}
}

// setAt sets a value and wants a new revision.
func (t *T) setAt(k broker.Key, val []byte, rev broker.Rev, ttl time.Duration) broker.Rev {
	t.Helper()
	r, err := t.b.Set(t.ctx, k, val, rev, ttl)
	if err != nil || r == 0 || r == rev {
		t.Fatalf("set %s at revision %d: revision %d, %v", k.Name, rev, r, err)
	}
	return r
}

func setGet(t *T) {
	k, rev := t.key("k"), broker.Rev(0)
	for _, val := range []string{"a", "b", "b", "\x00\xff\r\n", "", "水", "12", "-0", "nil"} {
		data := []byte(val)
		rev = t.setAt(k, data, rev, 0)
		clear(data) // the caller's again
		got, r, err := t.b.Get(t.ctx, k)
		if err != nil || string(got) != val || r != rev || got == nil {
			t.Fatalf("set %q at %d, got %q (nil: %t) at %d, %v", val, rev, got, got == nil, r, err)
		}
		for i := range got {
			got[i] = 'x' // and this is ours
		}
	}
}

// isAbsent wants a key to have no value.
func (t *T) isAbsent(k broker.Key) {
	t.Helper()
	if val, rev, err := t.b.Get(t.ctx, k); val != nil || rev != 0 || err != nil {
		t.Fatalf("get of absent %s: %q at %d, %v", k.Name, val, rev, err)
	}
}

func stateAbsent(t *T) {
	k := t.key("k")
	t.isAbsent(k)
	_, err := t.b.Set(t.ctx, k, []byte("a"), 5, 0)
	t.is("set of a value that is absent", err, broker.ErrConflict)
	t.isAbsent(k)
}

func setConflict(t *T) {
	k := t.key("k")
	first := t.setAt(k, []byte("a"), 0, 0)
	second := t.setAt(k, []byte("b"), first, 0)
	for _, rev := range []broker.Rev{0, first, second + 1, second + 1000} {
		_, err := t.b.Set(t.ctx, k, []byte("no"), rev, 0)
		t.is(fmt.Sprintf("set at revision %d", rev), err, broker.ErrConflict)
		_, err = t.b.Set(t.ctx, k, nil, rev, 0)
		t.is(fmt.Sprintf("delete at revision %d", rev), err, broker.ErrConflict)
	}
	if got, rev, err := t.b.Get(t.ctx, k); string(got) != "b" || rev != second || err != nil {
		t.Fatalf("got %q at %d, %v", got, rev, err)
	}
}

func stateDelete(t *T) {
	k := t.key("k")
	rev := t.setAt(k, []byte("a"), 0, 0)
	if r, err := t.b.Set(t.ctx, k, nil, rev, 0); r != 0 || err != nil {
		t.Fatalf("delete: revision %d, %v", r, err)
	}
	t.isAbsent(k)
	if r, err := t.b.Set(t.ctx, k, nil, 0, 0); r != 0 || err != nil {
		t.Fatalf("delete of what is absent: revision %d, %v", r, err)
	}
	t.setAt(k, []byte("b"), 0, 0)
}

// revisions: who read a value before it was deleted and set again must not
// take the new one for his.
func revisions(t *T) {
	k, seen := t.key("k"), make(map[broker.Rev]bool)
	for range 20 {
		rev := t.setAt(k, []byte("a"), 0, 0)
		next := t.setAt(k, []byte("a"), rev, 0)
		if seen[rev] || seen[next] || rev == next {
			t.Fatalf("revision %d or %d was given before", rev, next)
		}
		seen[rev], seen[next] = true, true
		if _, err := t.b.Set(t.ctx, k, nil, next, 0); err != nil {
			t.Fatal(err)
		}
	}
}

func stateExpires(t *T) {
	k, kept := t.key("k"), t.key("kept")
	t.setAt(kept, []byte("for ever"), 0, 0)
	rev := t.setAt(k, []byte("a"), 0, 400*time.Millisecond)
	t.eventually("expiry", func() bool { return t.get(k) == "" })
	t.isAbsent(k)
	_, err := t.b.Set(t.ctx, k, []byte("no"), rev, 0)
	t.is("set at the revision of an expired value", err, broker.ErrConflict)
	if next := t.setAt(k, []byte("b"), 0, 0); next == rev {
		t.Fatalf("revision %d was given again", rev)
	}
	if t.get(kept) != "for ever" {
		t.Fatal("a value without ttl is gone")
	}
}

func stateKept(t *T) {
	k, mark := t.key("k"), t.key("mark")
	rev := t.setAt(k, []byte("a"), 0, time.Second)
	t.setAt(mark, []byte("a"), 0, 2*time.Second) // later than k's first ttl
	_, err := t.b.Set(t.ctx, k, []byte("b"), rev, 0)
	t.must(err)
	t.eventually("expiry", func() bool { return t.get(mark) == "" })
	if t.get(k) != "b" {
		t.Fatal("a value set again for ever has expired")
	}
}

func stateTooLarge(t *T) {
	k := t.key("k")
	rev := t.setAt(k, []byte("a"), 0, 0)
	big := bytes.Repeat([]byte("x"), broker.MaxPayload+1)
	_, err := t.b.Set(t.ctx, k, big, rev, 0)
	t.is("set", err, broker.ErrTooLarge)
	if t.get(k) != "a" {
		t.Fatal("a refused set changed the value")
	}
	t.setAt(k, big[1:], rev, 0)
	if n := len(t.get(k)); n != broker.MaxPayload {
		t.Fatalf("%d bytes came back", n)
	}
}

func keysApart(t *T) {
	keys := []broker.Key{
		t.key("k"), t.key("k:k"), t.key("K"), t.key("k/k"), t.key("{k}"), t.key("*"), {App: t.app, Name: "k"}, {App: t.app, Name: "chat:k"},
		{App: t.app, Channel: "chat:k", Name: "k"}, {App: t.app, Channel: "k", Name: "chat"}, {App: t.app + ".x", Channel: "chat", Name: "k"},
	}
	for i, k := range keys {
		t.setAt(k, []byte(strconv.Itoa(i)), 0, 0)
	}
	for i, k := range keys {
		if got := t.get(k); got != strconv.Itoa(i) {
			t.Fatalf("%+v holds %q, want %d", k, got, i)
		}
	}
}

func updateMany(t *T) {
	const workers, each = 8, 25
	k := t.key("counter")
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for range each {
				err := broker.Update(t.ctx, t.b, k, 0, func(old []byte) ([]byte, bool, error) {
					n := 0
					if old != nil {
						var err error
						if n, err = strconv.Atoi(string(old)); err != nil {
							return nil, false, err
						}
					}
					return []byte(strconv.Itoa(n + 1)), false, nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if got := t.get(k); got != strconv.Itoa(workers*each) {
		t.Fatalf("%d updates counted to %s", workers*each, got)
	}
	stop := errors.New("no")
	err := broker.Update(t.ctx, t.b, k, 0, func([]byte) ([]byte, bool, error) { return nil, false, stop })
	t.is("update whose change fails", err, stop)
}
