package channel

import (
	"encoding/json"
	"math/rand/v2"
	"strconv"
	"testing"
)

// read returns the tail of a timeline of these turns, one a place, from after.
func read(after int, turns ...string) Tail {
	t := Tail{From: uint64(after), Top: uint64(len(turns))}
	for i, n := range turns {
		if i >= after && n != "" {
			t.Turns = append(t.Turns, Placed{Turn: n, Place: uint64(i + 1)})
		}
	}
	return t
}

func TestCatchUp(t *testing.T) {
	for _, c := range []struct {
		why  string
		own  []string // accepted in this order
		done []string // and ended
		at   uint64
		tail Tail
		want string
		to   uint64 // the record's place afterwards
	}{
		{"an empty channel", nil, nil, 0, read(0), "", 0},
		{"the first turns are others'", nil, nil, 0, read(0, "p1", "", "p2", ""), "p2", 2},
		{"nothing came", []string{"a"}, []string{"a"}, 0, read(0, "a", ""), "a", 0},
		{"a turn behind the leaf", []string{"a"}, []string{"a"}, 0, read(0, "a", "", "p1", ""), "p1", 2},
		{"while the leaf runs", []string{"a"}, nil, 0, read(0, "a", "p1"), "p1", 1},
		{"the leaf is on its way", []string{"a"}, nil, 1, read(1, "", "p1"), "a", 2},
		{"and came after it", []string{"a"}, nil, 0, read(0, "p1", "a"), "a", 1},
		{"written again after it", []string{"a"}, nil, 0, read(0, "p1", "a", "p1x", "a"), "p1x", 2},
		{"accepted in another order than written", []string{"a", "b"}, []string{"a"}, 0, read(0, "b", "a"), "b", 0},
		{"retention took the leaf's entry", []string{"a"}, []string{"a"}, 1, read(5, "", "", "", "", "", "p1"), "p1", 5},
		{"read before the leaf was accepted", []string{"a"}, nil, 4, read(0, "p1", "p2"), "a", 2},
		{"the timeline was lost", []string{"a"}, nil, 90, read(0, "p1", "p2"), "a", 2},
	} {
		r := Record{At: c.at}
		for _, n := range c.own {
			r.Accept(n, "", true, Settings{})
		}
		for _, n := range c.done {
			r.Finish(n)
		}
		was := r
		changed := r.CatchUp(c.tail)
		if r.Leaf != c.want || r.At != c.to {
			t.Errorf("%s: %q after %d, want %q after %d", c.why, r.Leaf, r.At, c.want, c.to)
		}
		if changed != (r.Leaf != was.Leaf || r.At != was.At) {
			t.Errorf("%s: changed is %v", c.why, changed)
		}
	}
}

// A turn that somebody writes onto the timeline twice is not the newest again.
func TestCatchUpTakesATurnOnce(t *testing.T) {
	var r Record
	line := []string{"p1"}
	r.CatchUp(read(0, line...))
	r.Accept("a", "", true, Settings{})
	line = append(line, "a", "p1")
	r.CatchUp(read(int(r.At), line...))
	if r.Leaf != "a" {
		t.Errorf("the leaf is %s", r.Leaf)
	}
}

// Whoever writes whichever turns: nobody drops out. As long as an accepted
// turn is written before anything else happens, the conversation that ends
// with the newest turn holds all of them.
func TestNobodyDropsOut(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 2))
		var r Record
		var line []string
		tree := new(Tree)
		turns := 0
		for i := range 60 {
			switch rnd.IntN(4) {
			case 0: // a program of its own
				name := "p" + strconv.Itoa(i)
				line, turns = append(line, name), turns+1
				tree.Begin(uint64(len(line)), Begun{Turn: name})
			case 1:
				line = append(line, "") // something else
			default:
				r.CatchUp(read(int(r.At), line...))
				name := "t" + strconv.Itoa(i)
				a := r.Accept(name, "", true, Settings{MaxQueue: 100})
				line, turns = append(line, name), turns+1
				tree.Begin(uint64(len(line)), Begun{Turn: name, Parent: a.Parent})
				if rnd.IntN(2) == 0 {
					r.Finish(name)
				}
			}
			p, err := json.Marshal(&r)
			if err != nil {
				t.Fatal(err)
			}
			r = Record{}
			if err := json.Unmarshal(p, &r); err != nil {
				t.Fatal(err)
			}
			if got := len(tree.Path(tree.Leaf())); got != turns {
				t.Fatalf("seed %d: %d of %d turns in %s", seed, got, turns, line)
			}
		}
	}
}
