package channel

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
)

func TestPoliciesDecide(t *testing.T) {
	two := func(p Policy) Settings { return Settings{Policy: p, MaxQueue: 2} }
	for _, c := range []struct {
		set    Settings
		before []string // accepted and claimed in this order
		want   Accepted
		next   []string // that may run once all but the first have waited
	}{
		{Settings{}, nil, Accepted{}, []string{"new"}},
		{Settings{}, []string{"a"}, Accepted{Parent: "a"}, nil},
		{two(Queue), []string{"a", "b"}, Accepted{Busy: "a", Full: true}, nil},
		{two(Replace), []string{"a", "b"}, Accepted{Parent: "b", Cancel: []string{"a", "b"}}, nil},
		{two(Reject), []string{"a"}, Accepted{Busy: "a"}, nil},
		{two(Reject), nil, Accepted{}, []string{"new"}},
		{two(Parallel), []string{"a"}, Accepted{Parent: "a"}, nil},
		{two(Parallel), []string{"a", "b"}, Accepted{Busy: "a", Full: true}, nil},
	} {
		var r Record
		for _, n := range c.before {
			r.Accept(n, "", true, Settings{})
			r.Claim(n, "job-"+n, c.set)
		}
		got := r.Accept("new", "", true, c.set)
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%+v after %v: %+v, want %+v", c.set, c.before, got, c.want)
		}
		if accepted := c.want.Busy == ""; r.Has("new") != accepted || accepted && r.Leaf != "new" {
			t.Errorf("%+v after %v: %+v", c.set, c.before, r)
		}
		if got := r.Next(c.set); len(c.before) == 0 && !slices.Equal(got, c.next) {
			t.Errorf("%+v: next is %v", c.set, got)
		}
	}
}

func TestAcceptAgain(t *testing.T) {
	var r Record
	r.Accept("a", "", true, Settings{})
	r.Accept("b", "", true, Settings{})
	if got := r.Accept("b", "", true, Settings{}); !got.Again || got.Parent != "a" || got.Over || len(got.Cancel) > 0 {
		t.Errorf("again: %+v", got)
	}
	// The gateway of b died before it cancelled what b replaces.
	if got := r.Accept("b", "", true, Settings{Policy: Replace}); !got.Again || !slices.Equal(got.Cancel, []string{"a"}) {
		t.Errorf("again, replacing: %+v", got)
	}
	r.Finish("a")
	if got := r.Accept("a", "", true, Settings{}); !got.Over || r.Has("a") || r.Leaf != "b" {
		t.Errorf("after its end: %+v, %+v", got, r)
	}
	if got := r.Add("a", "", true, Settings{}); !got.Over || r.Has("a") {
		t.Errorf("after its end, a back end's: %+v", got)
	}
	for i := range 2 * maxEnded {
		r.Accept(fmt.Sprint(i), "", true, Settings{})
		r.Finish(fmt.Sprint(i))
	}
	if len(r.Ended) != maxEnded || r.Over("a") || !r.Over(fmt.Sprint(2*maxEnded-1)) {
		t.Errorf("it remembers %v", r.Ended)
	}
}

func TestRefusedStaysRefusedUntilForgiven(t *testing.T) {
	reject := Settings{Policy: Reject}
	var r Record
	r.Accept("a", "", true, reject)
	r.Accept("b", "", true, reject)
	r.Finish("a")
	if got := r.Accept("b", "", true, reject); got.Busy == "" || r.Has("b") {
		t.Errorf("its job comes late: %+v", got)
	}
	if !r.Forgive("b") || r.Forgive("b") {
		t.Error("forgive")
	}
	if got := r.Accept("b", "", true, reject); got.Busy != "" || !r.Has("b") {
		t.Errorf("asked again: %+v", got)
	}
	for i := range 2 * maxRefused {
		r.Accept(fmt.Sprint(i), "", true, reject)
	}
	if len(r.Refused) != maxRefused {
		t.Errorf("%d refused turns are remembered", len(r.Refused))
	}
}

func TestClaim(t *testing.T) {
	var r Record
	r.Accept("a", "", true, Settings{})
	r.Accept("b", "", true, Settings{})
	r.Add("own", "", true, Settings{})
	for _, c := range []struct {
		turn, entry string
		set         Settings
		want        Claim
	}{
		{"none", "1", Settings{}, Gone},
		{"b", "2", Settings{}, Waits},
		{"a", "1", Settings{}, Run},
		{"a", "1", Settings{}, Run}, // handed out again: the first worker died
		{"a", "9", Settings{}, Duplicate},
		{"own", "3", Settings{}, Duplicate},
		{"b", "2", Settings{Policy: Parallel}, Run},
	} {
		if got := r.Claim(c.turn, c.entry, c.set); got != c.want {
			t.Errorf("claim %s by %s: %d, want %d", c.turn, c.entry, got, c.want)
		}
	}
	if !r.Claimed("a") || r.Claimed("own") || !r.Own("own") || r.Own("a") {
		t.Errorf("%+v", r)
	}
}

// Parallel turns each have the job they came with: an end adds none, or a
// thousand of them would add a million.
func TestParallelTurnsGetNoJobsTheyDoNotNeed(t *testing.T) {
	parallel := Settings{Policy: Parallel}
	var r Record
	for _, n := range []string{"a", "b", "c"} {
		r.Accept(n, "", true, parallel)
	}
	r.Claim("a", "1", parallel)
	if got := r.Next(parallel); len(got) != 0 {
		t.Errorf("%v", got)
	}
	r.Claim("c", "3", Settings{}) // dropped while the policy was queue
	if got := r.Next(parallel); !slices.Equal(got, []string{"c"}) {
		t.Errorf("%v", got)
	}
}

// Whatever happens in whichever order: a turn that nobody has claimed and that
// may run has a job, or Next gives it one when the turn before it ends; at most
// one runs unless they may in parallel; the record survives JSON.
func TestQueueGoesOn(t *testing.T) {
	for seed := range uint64(100) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		set := Settings{Policy: []Policy{Queue, Replace, Parallel}[rnd.IntN(3)], MaxQueue: 1000}
		var r Record
		type job struct{ turn, entry string }
		var jobs []job
		running := map[string]bool{}
		entries, names := 0, 0
		add := func(name string) {
			entries++
			jobs = append(jobs, job{name, fmt.Sprint(entries)})
		}
		for step := 0; step < 60 || len(jobs) > 0 || len(running) > 0; step++ {
			switch do := rnd.IntN(3); {
			case do == 0 && step < 60:
				names++
				name := fmt.Sprint("t", names)
				add(name)
				r.Accept(name, "", true, set)
			case do == 1 && len(jobs) > 0:
				i := rnd.IntN(len(jobs))
				j := jobs[i]
				jobs = slices.Delete(jobs, i, i+1)
				if r.Claim(j.turn, j.entry, set) == Run {
					if running[j.turn] {
						t.Fatalf("seed %d: %s runs twice", seed, j.turn)
					}
					running[j.turn] = true
				}
			case do == 2:
				for name := range running {
					delete(running, name)
					r.Finish(name)
					for _, n := range r.Next(set) {
						add(n)
					}
					break
				}
			}
			if len(running) > 1 && set.Policy != Parallel {
				t.Fatalf("seed %d: %v run at once", seed, running)
			}
			p, err := json.Marshal(&r)
			if err != nil {
				t.Fatal(err)
			}
			r = Record{}
			if err := json.Unmarshal(p, &r); err != nil {
				t.Fatal(err)
			}
		}
		if len(r.Queue) > 0 {
			t.Fatalf("seed %d, %s: %v never ran", seed, set.Policy, r.Queue)
		}
	}
}
