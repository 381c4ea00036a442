package presence

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"
)

func genPart(t *rapid.T) Part {
	p := make(Part)
	for range rapid.IntRange(0, 4).Draw(t, "members") {
		e := Entry{At: rapid.Int64Range(1, 4).Draw(t, "at"), Member: Member{
			ID:    rapid.SampledFrom([]string{"ada", "bob", "eve", "agent"}).Draw(t, "id"),
			Kind:  rapid.SampledFrom([]string{Person, Agent}).Draw(t, "kind"),
			State: rapid.SampledFrom([]string{"", "away"}).Draw(t, "state"),
		}}
		p[e.key()] = e
	}
	return p
}

// fold is what a viewer does with what it is told.
func fold(here map[string]Member, r *Roster, t *rapid.T) map[string]Member {
	if r.Full {
		here = make(map[string]Member)
	}
	for _, m := range slices.Concat(r.Here, r.Joined) {
		if _, ok := here[m.key()]; ok {
			t.Fatalf("%s joined, and was here", m.ID)
		}
		here[m.key()] = m
	}
	for _, m := range r.Changed {
		if was, ok := here[m.key()]; !ok || same(was, m) {
			t.Fatalf("%s changed from %v to %v", m.ID, was, m)
		}
		here[m.key()] = m
	}
	for _, m := range r.Left {
		if was, ok := here[m.key()]; !ok || !same(was, m) {
			t.Fatalf("%s left as %v, and was %v", m.ID, m, was)
		}
		delete(here, m.key())
	}
	return here
}

func show(ms []Member) string { return fmt.Sprintf("%+v", ms) }

// Whatever parts came before and in which order, the same last parts are the
// same set; and a viewer that looks now and then has the same picture as one
// that is told everybody.
func TestSetConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		nodes := []string{"n1", "n2", "n3"}
		last := make(map[string]Part)
		s := NewSet()
		here, at := fold(nil, &Roster{Full: true, Here: s.All()}, t), s.Version()
		for range rapid.IntRange(0, 20).Draw(t, "steps") {
			node := rapid.SampledFrom(nodes).Draw(t, "node")
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0:
				p := genPart(t)
				last[node] = maps.Clone(p)
				s.Put(node, p)
			case 1:
				for _, e := range genPart(t) {
					if last[node] == nil {
						last[node] = make(Part)
					}
					last[node][e.key()] = e
					s.Say(node, e)
				}
			case 2:
				for _, k := range slices.Sorted(maps.Keys(last[node])) {
					delete(last[node], k)
					s.Unsay(node, k)
					break
				}
			}
			if rapid.Bool().Draw(t, "look") {
				r := s.Since(at)
				if r == nil {
					t.Fatalf("version %d is forgotten at %d", at, s.Version())
				}
				here, at = fold(here, r, t), s.Version()
			}
		}
		fresh := NewSet()
		for _, node := range rapid.Permutation(nodes).Draw(t, "order") {
			fresh.Put(node, maps.Clone(last[node]))
		}
		if got, want := show(s.All()), show(fresh.All()); got != want {
			t.Fatalf("%s, in another order %s", got, want)
		}
		here = fold(here, s.Since(at), t)
		all := fold(nil, &Roster{Full: true, Here: s.All()}, t)
		if got, want := show(slices.Collect(maps.Values(here))), show(slices.Collect(maps.Values(all))); len(here) != len(all) {
			t.Fatalf("the viewer sees %s, there are %s", got, want)
		}
		for k, m := range all {
			if !same(here[k], m) {
				t.Fatalf("the viewer sees %v, it is %v", here[k], m)
			}
		}
		size := 0
		for _, m := range all {
			size += m.size()
		}
		if s.size != size {
			t.Fatalf("counted %d bytes, there are %d", s.size, size)
		}
	})
}

// Changes are kept within bounds; a viewer beyond them is told so.
func TestSetForgets(t *testing.T) {
	s := NewSet()
	info := json.RawMessage(`"` + string(make([]byte, 0, MaxInfo)) + `x"`)
	for i := range 3 * maxChanges {
		s.Say("n1", Entry{Member: Member{ID: "ada", State: fmt.Sprint(i), Info: info}, At: int64(i)})
	}
	if len(s.changes) > maxChanges {
		t.Errorf("%d changes kept", len(s.changes))
	}
	if s.Since(1) != nil {
		t.Error("changes since 1 are still known")
	}
	if r := s.Since(s.Version() - 5); r == nil || len(r.Changed) != 1 {
		t.Errorf("five versions ago: %+v", r)
	}
	if s.Since(s.Version()+1) != nil {
		t.Error("the future is known")
	}
	big := NewSet()
	for i := range 2 * MaxSize / MaxInfo {
		big.Say("n1", Entry{Member: Member{ID: "ada", Info: json.RawMessage(fmt.Sprintf(`"%0*d"`, MaxInfo-2, i))}, At: int64(i)})
	}
	if big.kept > MaxSize {
		t.Errorf("%d bytes of changes kept", big.kept)
	}
}

func TestSetFits(t *testing.T) {
	s := NewSet()
	n := 0
	for ; s.Fits(Member{ID: fmt.Sprint(n), Kind: Person}) == nil; n++ {
		s.Say("n1", Entry{Member: Member{ID: fmt.Sprint(n), Kind: Person}})
	}
	if n != MaxMembers {
		t.Errorf("%d small members fit", n)
	}
	if err := s.Fits(Member{ID: "7", Kind: Person, State: "away"}); err != nil {
		t.Errorf("one who is here: %v", err)
	}
	s, n = NewSet(), 0
	m := func() Member {
		return Member{ID: fmt.Sprint(n), Info: json.RawMessage(fmt.Sprintf(`"%0*d"`, MaxInfo-2, n))}
	}
	for ; s.Fits(m()) == nil; n++ {
		s.Say("n1", Entry{Member: m()})
	}
	if n < MaxSize/MaxInfo*9/10 || n > MaxSize/MaxInfo {
		t.Errorf("%d large members fit", n)
	}
}

func TestMemberCheck(t *testing.T) {
	long := string(make([]byte, MaxID+1))
	for _, m := range []Member{
		{}, {ID: long}, {ID: "a\xff"}, {ID: "a", Kind: "robot"}, {ID: "a", State: long}, {ID: "a", Info: json.RawMessage(`{`)},
		{ID: "a", Info: json.RawMessage(fmt.Sprintf(`"%0*d"`, MaxInfo, 1))},
	} {
		if m.Check() == nil {
			t.Errorf("%+v is taken", m)
		}
	}
	if err := (Member{ID: "a", Kind: Agent, State: Thinking, Info: json.RawMessage(`{"n":1}`)}).Check(); err != nil {
		t.Error(err)
	}
}
