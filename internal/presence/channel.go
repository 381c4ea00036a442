package presence

import (
	"fmt"
	"sync"
	"time"
)

// perView is how long a channel rests, for each of its viewers on this node,
// after it has told them of a change: a thousand who come at once are told to
// two thousand in tens of frames each, not in a thousand. One change after a
// rest is told at once.
const perView = 50 * time.Microsecond

// A channel is one channel as this node sees it: who is there, who of them is
// on this node, and who looks.
type channel struct {
	n    *Node // set once, as all of this group
	room room
	stop func() // ends what open started

	ready chan struct{} // closed when opened
	err   error         // set before ready closes

	mu      sync.Mutex // guards all below
	set     *Set
	views   map[*View]struct{}
	locals  map[string]*local  // by key of the member
	rosters map[uint64]*Roster // by the version they begin at, all ending at one; everybody's is at all
	all     *Roster
	toldAt  time.Time // when viewers were last woken
	resting bool      // they will be woken when the rest is over

	share // see share.go
}

type room struct{ app, channel string }

// A local is a member with sessions on this node, or one that lingers.
type local struct {
	tabs map[*View]Entry
	last int // grows with each change, so that a linger knows whether it is over
}

// A View is one session's place in a channel's presence. Its methods may be
// called concurrently, but for Next, Took and Again.
type View struct {
	c    *channel // set once
	wake func()   // set once; does not block, and calls no method of View
	key  string   // guarded by c.mu: whom the session is visible as; "": it looks on

	at   uint64 // owned by who calls Next
	told bool   // owned by who calls Next
}

// Next returns what v is to be told next and where it stands then, nil for
// nothing. The caller goes on with Took when it was told.
func (v *View) Next() (r *Roster, to uint64) {
	c := v.c
	c.mu.Lock()
	defer c.mu.Unlock()
	to = c.set.Version()
	if v.told && v.at == to {
		return nil, to
	}
	if v.told {
		if r := c.since(v.at); r != nil && !r.Empty() {
			return r, to
		} else if r != nil { // who came has gone
			v.at = to
			return nil, to
		}
	}
	return c.everybody(), to
}

// Took says that v has been told what leads to place to. Told nothing, it is
// told everybody next.
func (v *View) Took(to uint64) { v.at, v.told = to, true }

// Again lets v begin again with everybody.
func (v *View) Again() { v.told = false }

// since returns the changes after at, shared; nil if they are not known.
func (c *channel) since(at uint64) *Roster {
	if r := c.rosters[at]; r != nil {
		return r
	}
	r := c.set.Since(at)
	if r == nil {
		return nil
	}
	r.Channel = c.room.channel
	if len(c.rosters) < maxRosters {
		c.rosters[at] = r
	}
	return r
}

// maxRosters bounds the changes kept for viewers at the same place; they are
// made again.
const maxRosters = 4

func (c *channel) everybody() *Roster {
	if c.all == nil {
		c.all = &Roster{Channel: c.room.channel, Full: true, Here: c.set.All()}
	}
	return c.all
}

// Members returns everybody.
func (v *View) Members() []Member {
	v.c.mu.Lock()
	defer v.c.mu.Unlock()
	return v.c.everybody().Here
}

// Join makes m visible, in place of whom the session was here.
// ErrCrowded, or what Check says of m.
func (v *View) Join(m Member) error {
	if m.Kind == "" {
		m.Kind = Person
	}
	if err := m.Check(); err != nil {
		return err
	}
	c := v.c
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.views[v]; !ok {
		return ErrAbsent
	}
	if err := c.set.Fits(m); err != nil {
		return fmt.Errorf("%w: it holds %d members, or %d bytes of them", err, MaxMembers, MaxSize)
	}
	if v.key != "" && v.key != m.key() {
		c.part(v)
	}
	v.key = m.key()
	l := c.locals[m.key()]
	if l == nil {
		l = &local{tabs: make(map[*View]Entry)}
		c.locals[m.key()] = l
	}
	l.tabs[v] = Entry{Member: m, At: c.now()}
	c.settle(m.key())
	return nil
}

// now is a time after all that is known of the channel, so that what is said
// last is shown.
func (c *channel) now() int64 {
	c.lastAt = max(c.lastAt+1, time.Now().UnixMilli())
	return c.lastAt
}

// SetState changes the state of whom the session is visible as. ErrAbsent.
func (v *View) SetState(state string) error {
	v.c.mu.Lock()
	l := v.c.locals[v.key]
	var m Member
	if l != nil {
		m = l.tabs[v].Member
	}
	v.c.mu.Unlock()
	if m.ID == "" {
		return ErrAbsent
	}
	m.State = state
	return v.Join(m)
}

// Close ends the view, and the session's visibility. linger keeps its member
// for a moment, in case the user comes back with another session.
func (v *View) Close(linger bool) {
	c := v.c
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.views, v)
	l := c.locals[v.key]
	switch {
	case l == nil:
	case len(l.tabs) > 1 || !linger || c.n.linger <= 0:
		c.part(v)
	default:
		delete(l.tabs, v)
		l.last++
		key, last := v.key, l.last
		time.AfterFunc(c.n.linger, func() { c.lingered(key, l, last) })
	}
	v.key = ""
}

// part takes a session from its member. c.mu is held.
func (c *channel) part(v *View) {
	delete(c.locals[v.key].tabs, v)
	c.settle(v.key)
}

// lingered removes a member who has not come back.
func (c *channel) lingered(key string, l *local, last int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.locals[key] == l && l.last == last && len(l.tabs) == 0 {
		c.settle(key)
	}
}

// settle shows the latest of a member's sessions here. c.mu is held.
func (c *channel) settle(key string) {
	l := c.locals[key]
	l.last++
	if len(l.tabs) == 0 {
		delete(c.locals, key)
		c.set.Unsay(c.n.id, key)
		c.changed(true)
		return
	}
	var best Entry
	for _, e := range l.tabs {
		if e.At > best.At {
			best = e
		}
	}
	mine, shown := c.set.parts[c.n.id][key], c.set.shown[key]
	if same(mine.Member, best.Member) && same(shown.Member, best.Member) {
		return // one more tab, or a return in time: nothing to write, nothing to tell
	}
	c.set.Say(c.n.id, best)
	c.changed(true)
}

// derive replaces the agents that this node reads from the channel's logs. All
// nodes read the same, so nobody writes them down.
func (c *channel) derive(ms []Member) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := make(Part, len(ms))
	for _, m := range ms {
		p[m.key()] = Entry{Member: m, At: c.now()}
	}
	if c.set.Put(derivedNode, p) {
		c.changed(false)
	}
}

// derivedNode contributes what is derived; no node is called so.
const derivedNode = ""

// changed tells the viewers, and other nodes if the change is ours. c.mu is
// held.
func (c *channel) changed(ours bool) {
	clear(c.rosters)
	c.all = nil
	if ours {
		c.dirty = true
		c.start()
	}
	rest := time.Duration(len(c.views))*perView - time.Since(c.toldAt)
	switch {
	case c.resting:
	case rest > time.Millisecond:
		c.resting = true
		time.AfterFunc(rest, func() {
			c.mu.Lock()
			defer c.mu.Unlock()
			c.resting = false
			c.tell()
		})
	default:
		c.tell()
	}
}

// tell wakes the viewers. c.mu is held.
func (c *channel) tell() {
	c.toldAt = time.Now()
	for v := range c.views {
		v.wake()
	}
}
