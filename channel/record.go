package channel

import "slices"

// maxRefused and maxEnded bound how many refused and ended turns, and turns of
// others, a record remembers. The job of a refused prompt is dropped within moments, and the
// gateway that accepts one is not slower than so many turns; this only has to
// outlast that.
const (
	maxRefused = 32
	maxEnded   = 16
)

// A Record is the part of a channel that several processes change by
// compare-and-set: which turns are accepted and not ended, and in which order.
//
// Its invariant: each turn of the queue that is not a back end's own has a job
// outstanding, or has one that tells when it may run (see internal/turns).
type Record struct {
	Settings Settings `json:"settings"`
	Queue    []Queued `json:"queue,omitempty"`   // accepted and not ended, oldest first
	Leaf     string   `json:"leaf,omitempty"`    // the turn that the next prompt follows
	At       uint64   `json:"at,omitempty"`      // Leaf's entry is, or will be, behind this place of the timeline
	Others   []string `json:"others,omitempty"`  // turns that were the leaf lately and that others began
	Refused  []string `json:"refused,omitempty"` // turns refused lately
	Ended    []string `json:"ended,omitempty"`   // turns ended lately
	First    Standing `json:"first,omitzero"`    // the first turn of the queue when it was last looked at for those that wait
}

// A Standing is how far a turn had come, and since when it has stood there.
type Standing struct {
	Turn  string `json:"turn"`
	Top   uint64 `json:"top"`
	Since int64  `json:"since"` // Unix milliseconds
}

// Queued is one accepted turn.
type Queued struct {
	Turn   string `json:"turn"`
	Parent string `json:"parent,omitempty"` // the turn it follows
	Job    string `json:"job,omitempty"`    // entry of the job whose worker has claimed it
	Own    bool   `json:"own,omitempty"`    // a back end answers it by itself: it has no job
	Waited bool   `json:"waited,omitempty"` // its job was dropped because its turn had not come
}

// An Accepted is what Accept decided.
type Accepted struct {
	Parent string   // the turn that the new one follows
	Cancel []string // turns to be cancelled in its favour
	Again  bool     // it was in the queue already
	Over   bool     // it was, and has ended: there is nothing to do
	Busy   string   // refused: this turn runs
	Full   bool     // refused: the queue is full
}

// Accept adds a turn to the queue as the policy says. parent is given for a
// turn that supersedes another or continues a branch; follow says that the
// parent is the leaf.
func (r *Record) Accept(name, parent string, follow bool, base Settings) Accepted {
	set := r.Settings.Over(base)
	if i := r.find(name); i >= 0 {
		a := Accepted{Parent: r.Queue[i].Parent, Again: true}
		if set.Policy == Replace {
			a.Cancel = names(r.Queue[:i])
		}
		return a
	}
	if r.Over(name) {
		return Accepted{Again: true, Over: true}
	}
	if slices.Contains(r.Refused, name) {
		return Accepted{Busy: name}
	}
	if set.Policy == Reject && len(r.Queue) > 0 {
		r.refuse(name)
		return Accepted{Busy: r.Queue[0].Turn}
	}
	if limit := or(set.MaxQueue, DefaultMaxQueue); len(r.Queue) >= limit && set.Policy != Replace {
		r.refuse(name)
		return Accepted{Full: true, Busy: r.Queue[0].Turn}
	}
	a := Accepted{Parent: parent}
	if follow {
		a.Parent = r.Leaf
	}
	if set.Policy == Replace {
		a.Cancel = names(r.Queue)
	}
	r.Queue = append(r.Queue, Queued{Turn: name, Parent: a.Parent})
	r.Leaf = name
	return a
}

// Add puts a turn into the queue that a back end answers by itself. It waits
// for nobody; those behind it wait for it, as the policy says.
func (r *Record) Add(name, parent string, follow bool, base Settings) Accepted {
	if i := r.find(name); i >= 0 {
		return Accepted{Parent: r.Queue[i].Parent, Again: true}
	}
	if r.Over(name) {
		return Accepted{Again: true, Over: true}
	}
	if len(r.Queue) >= or(r.Settings.Over(base).MaxQueue, DefaultMaxQueue) {
		return Accepted{Full: true, Busy: r.Queue[0].Turn}
	}
	if follow {
		parent = r.Leaf
	}
	r.Queue = append(r.Queue, Queued{Turn: name, Parent: parent, Own: true})
	r.Leaf = name
	return Accepted{Parent: parent}
}

// A Claim is what Claim decided.
type Claim int

// The outcomes of Claim.
const (
	Gone      Claim = iota // not in the queue: ended, or never accepted
	Waits                  // its turn has not come; it gets a new job when it has
	Duplicate              // another job entry has it; drop this one
	Run                    // the caller's
)

// Claim gives a turn to the worker that holds job entry. The same entry may
// claim again: it was handed to another worker because the first one died.
func (r *Record) Claim(name, entry string, base Settings) Claim {
	i := r.find(name)
	if i < 0 {
		return Gone
	}
	if q := r.Queue[i]; q.Own || q.Job != "" && q.Job != entry {
		return Duplicate
	}
	if i > 0 && r.Settings.Over(base).Policy != Parallel {
		r.Queue[i].Waited = true
		return Waits
	}
	r.Queue[i].Job = entry
	return Run
}

// Claimed reports whether a worker has, or had, the turn.
func (r *Record) Claimed(name string) bool { return r.Claimer(name) != "" }

// Claimer returns the job entry whose worker has, or had, the turn, or "".
func (r *Record) Claimer(name string) string {
	if i := r.find(name); i >= 0 {
		return r.Queue[i].Job
	}
	return ""
}

// Own reports whether a back end answers the turn by itself.
func (r *Record) Own(name string) bool {
	i := r.find(name)
	return i >= 0 && r.Queue[i].Own
}

// Waited reports whether the turn was found waiting for another, and has not
// been claimed since.
func (r *Record) Waited(name string) bool {
	i := r.find(name)
	return i >= 0 && r.Queue[i].Waited && r.Queue[i].Job == ""
}

// MayRun reports whether the turn need not wait for another.
func (r *Record) MayRun(name string, base Settings) bool {
	i := r.find(name)
	return i == 0 || i > 0 && r.Settings.Over(base).Policy == Parallel
}

// Stands notes at time now (Unix milliseconds) that turn name, the first of the
// queue, has come to top. It returns since when it has stood there, and whether
// r is changed.
func (r *Record) Stands(name string, top uint64, now int64) (since int64, changed bool) {
	if s := r.First; s.Turn == name && s.Top == top && s.Since <= now {
		return s.Since, false
	}
	r.First = Standing{name, top, now}
	return now, true
}

// Drop takes a turn from the queue of which nothing is left. Should it be asked
// again it begins anew.
func (r *Record) Drop(name string) (was bool) {
	i := r.find(name)
	if i >= 0 {
		r.Queue = slices.Delete(r.Queue, i, i+1)
	}
	return i >= 0
}

// Has reports whether the turn is accepted and not ended.
func (r *Record) Has(name string) bool { return r.find(name) >= 0 }

// Finish takes an ended turn from the queue.
func (r *Record) Finish(name string) (was bool) {
	i := r.find(name)
	if i >= 0 {
		r.Queue = slices.Delete(r.Queue, i, i+1)
		r.Ended = keepLast(append(r.Ended, name), maxEnded)
	}
	return i >= 0
}

// Next returns the turns that may run now, that nobody has claimed, and whose
// job may have been dropped. Each needs one; one too many does no harm.
func (r *Record) Next(base Settings) []string {
	var out []string
	parallel := r.Settings.Over(base).Policy == Parallel
	for i, q := range r.Queue {
		if q.Job == "" && !q.Own && (i == 0 || parallel && q.Waited) {
			out = append(out, q.Turn)
		}
	}
	return out
}

func (r *Record) find(name string) int {
	return slices.IndexFunc(r.Queue, func(q Queued) bool { return q.Turn == name })
}

func (r *Record) refuse(name string) {
	r.Refused = keepLast(append(r.Refused, name), maxRefused)
}

// Forgive forgets that a turn was refused, and reports whether it was: it is
// asked for again.
func (r *Record) Forgive(name string) (was bool) {
	n := len(r.Refused)
	r.Refused = slices.DeleteFunc(r.Refused, func(s string) bool { return s == name })
	return len(r.Refused) < n
}

// Over reports whether the turn ended lately.
func (r *Record) Over(name string) bool { return slices.Contains(r.Ended, name) }

func names(qs []Queued) []string {
	var out []string
	for _, q := range qs {
		out = append(out, q.Turn)
	}
	return out
}

func keepLast(names []string, n int) []string {
	return slices.Delete(names, 0, max(len(names)-n, 0))
}
