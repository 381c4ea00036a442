package presence

import (
	"bytes"
	"slices"
	"strings"
	"sync"
)

// maxChanges is how many changes of a channel are kept for viewers that lag;
// one further behind is told everybody again.
const maxChanges = 1024

// An Entry is a member as one node has it.
type Entry struct {
	Member
	At int64 `json:"at"` // when it was last said, in Unix milliseconds; of several nodes the latest is shown
}

// A Part is what one node contributes to a channel, by the key of the member.
type Part map[string]Entry

// A Set is who is on a channel: the union of the parts of all nodes. The order
// in which parts come does not matter, only the last of each node does. It
// knows the changes that led to it, so that a viewer needs nothing but a
// version, its place in them. It is not safe for concurrent use.
type Set struct {
	parts   map[string]Part  // by node
	shown   map[string]Entry // by key
	size    int              // of shown
	version uint64
	changes []change // the last led to version
	kept    int      // size of changes
}

// A change is one member's: how it was before, nil for absent.
type change struct {
	key string
	was *Member
}

func (c change) size() int {
	if c.was == nil {
		return len(c.key) + 40
	}
	return len(c.key) + c.was.size()
}

// NewSet returns an empty set.
func NewSet() *Set {
	return &Set{parts: make(map[string]Part), shown: make(map[string]Entry)}
}

// Put replaces what node contributes; nil or empty: nothing. It keeps part. It
// reports whether anything that is shown has changed.
func (s *Set) Put(node string, part Part) bool {
	old := s.parts[node]
	if len(part) == 0 {
		delete(s.parts, node)
	} else {
		s.parts[node] = part
	}
	before := s.version
	for k := range old {
		s.settle(k)
	}
	for k := range part {
		if _, ok := old[k]; !ok {
			s.settle(k)
		}
	}
	return s.version != before
}

// Say is Put of one member, all others of node unchanged.
func (s *Set) Say(node string, e Entry) {
	p := s.parts[node]
	if p == nil {
		p = make(Part)
		s.parts[node] = p
	}
	p[e.key()] = e
	s.settle(e.key())
}

// Unsay takes one member out of what node contributes.
func (s *Set) Unsay(node, key string) {
	p := s.parts[node]
	delete(p, key)
	if len(p) == 0 {
		delete(s.parts, node)
	}
	s.settle(key)
}

// settle shows the latest entry of a member.
func (s *Set) settle(key string) {
	var best Entry
	var from string
	found := false
	for node, p := range s.parts {
		e, ok := p[key]
		if ok && (!found || e.At > best.At || e.At == best.At && node > from) {
			best, from, found = e, node, true
		}
	}
	was, had := s.shown[key]
	switch {
	case !found && !had:
		return
	case found:
		s.shown[key] = best
		s.size += best.size()
	default:
		delete(s.shown, key)
	}
	var before *Member
	if had {
		s.size -= was.size()
		if before = &was.Member; found && same(was.Member, best.Member) {
			return
		}
	}
	s.note(change{key, before})
}

func (s *Set) note(c change) {
	s.version++
	s.changes = append(s.changes, c)
	s.kept += c.size()
	drop := 0
	for len(s.changes)-drop > maxChanges || s.kept > MaxSize {
		s.kept -= s.changes[drop].size()
		drop++
	}
	if drop > 0 {
		s.changes = slices.Clone(s.changes[drop:])
	}
}

func same(a, b Member) bool {
	return a.ID == b.ID && a.Kind == b.Kind && a.State == b.State && bytes.Equal(a.Info, b.Info)
}

// Version is the place of a viewer that has been told all.
func (s *Set) Version() uint64 { return s.version }

// Nodes returns the nodes that contribute.
func (s *Set) Nodes() []string {
	out := make([]string, 0, len(s.parts))
	for n := range s.parts {
		out = append(out, n)
	}
	return out
}

// Fits returns ErrCrowded if m would be one too many.
func (s *Set) Fits(m Member) error {
	e, ok := s.shown[m.key()]
	n, size := len(s.shown), s.size+m.size()
	if ok {
		size -= e.size()
	} else {
		n++
	}
	if n > MaxMembers || size > MaxSize {
		return ErrCrowded
	}
	return nil
}

// All returns everybody, by kind and id.
func (s *Set) All() []Member {
	out := make([]Member, 0, len(s.shown))
	for _, e := range s.shown {
		out = append(out, e.Member)
	}
	sortMembers(out)
	return out
}

// Since returns what has changed after version at, several changes of a member
// as one; nil when that is no longer known.
func (s *Set) Since(at uint64) *Roster {
	first := s.version - uint64(len(s.changes))
	if at < first || at > s.version {
		return nil
	}
	r := new(Roster)
	seen := make(map[string]bool)
	for _, c := range s.changes[at-first:] {
		if seen[c.key] {
			continue
		}
		seen[c.key] = true
		now, here := s.shown[c.key]
		switch {
		case c.was == nil && here:
			r.Joined = append(r.Joined, now.Member)
		case c.was != nil && !here:
			r.Left = append(r.Left, *c.was)
		case c.was != nil && !same(*c.was, now.Member):
			r.Changed = append(r.Changed, now.Member)
		}
	}
	sortMembers(r.Joined)
	sortMembers(r.Left)
	sortMembers(r.Changed)
	return r
}

func sortMembers(ms []Member) {
	slices.SortFunc(ms, func(a, b Member) int { return strings.Compare(a.key(), b.key()) })
}

// A Roster says who is on a channel, or what has changed since the viewer was
// last told: several changes have become one, and who came and went meanwhile
// is not in it. Viewers at the same place share one: do not change it.
type Roster struct {
	Channel string
	Full    bool     // Here is everybody, and what was told before is void; else only the others count
	Here    []Member // by kind and id
	Joined  []Member
	Left    []Member // as they were last told
	Changed []Member // another state or info

	mu  sync.Mutex // guards the one below
	enc map[any][]byte
}

// Empty reports whether there is nothing to tell.
func (r *Roster) Empty() bool {
	return !r.Full && len(r.Joined)+len(r.Left)+len(r.Changed) == 0
}

// Body returns r as encode writes it, made once per key (a codec) and shared
// by all viewers: do not change it.
func (r *Roster) Body(key any, encode func(*Roster) []byte) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	if out, ok := r.enc[key]; ok {
		return out
	}
	out := encode(r)
	if r.enc == nil {
		r.enc = make(map[any][]byte, 1)
	}
	r.enc[key] = out
	return out
}
