package client

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/karez/karez/channel"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A place is what is followed: a channel, or one turn of it.
type place struct{ channel, turn string }

// maxPast is how many ended turns a follower knows: a timeline may name a turn
// twice after a crash, soon after.
const maxPast = 1024

// A follower keeps the cursors of one reader, on a channel's timeline and its
// live turns or on one turn alone. All but q is owned by run.
type follower struct {
	c     *Client // set once, as all of this group
	place place
	opts  FollowOptions
	q     *queue

	placed   bool                // the timeline has a cursor
	timeline turn.Seq            // the last place pushed
	live     map[string]turn.Seq // the same of each turn that has not ended
	past     []string            // turns that have, the newest last
	newest   string              // the turn begun last, if that is known
	snapshot bool                // start over from a page
	behind   bool                // the reader is: nothing is followed until it has caught up
	waiting  uint64              // the follow that is not answered
	late     bool                // the server could not answer the last one
	mending  string              // turn whose cursor is being set anew,
	mendID   uint64              // by this follow
	mended   map[string]turn.Seq // where that was done last
	resynced time.Time           // when the last page was asked for
	planned  bool                // the next one is
}

func (c *Client) newFollower(p place, o FollowOptions) *follower {
	f := &follower{c: c, place: p, opts: o, live: make(map[string]turn.Seq), mended: make(map[string]turn.Seq)}
	f.q = &queue{woken: make(chan struct{}, 1)}
	switch {
	case p.turn != "":
		f.live[p.turn] = o.After
	case o.After > 0 || o.Turns != nil || o.From == FromStart:
		f.placed, f.timeline = true, o.After
		for name, at := range o.Turns {
			f.live[name] = at
		}
	}
	return f
}

// resume returns the follow that continues where the cursors are; nil when
// there is nothing to follow now.
func (f *follower) resume() *wire.Command {
	cmd := &wire.Command{Type: wire.CmdFollow, Channel: f.place.channel, Pace: f.opts.Pace}
	if f.behind || f.planned {
		return nil
	}
	if name := f.place.turn; name != "" {
		at, ok := f.live[name]
		if !ok {
			return nil
		}
		cmd.Turn, cmd.After = name, at
		return cmd
	}
	if f.placed && !f.snapshot && len(f.live) <= wire.MaxTurns {
		cmd.After, cmd.Turns = f.timeline, make(map[string]turn.Seq, len(f.live))
		for name, at := range f.live {
			cmd.Turns[name] = at
		}
		return cmd
	}
	cmd.From, cmd.Limit = wire.FromSnapshot, f.opts.Limit
	if f.opts.From == FromNow && !f.snapshot {
		cmd.From = wire.FromNow
	}
	return cmd
}

// follow sends resume, if there is a link to send it on.
func (f *follower) follow() {
	if f.c.restream() || !f.c.isOpen() {
		return
	}
	if cmd := f.resume(); cmd != nil {
		f.send(cmd)
		f.waiting, f.mending = cmd.ID, ""
		f.c.forget(f, "")
	}
}

func (f *follower) send(cmd *wire.Command) {
	cmd.ID = f.c.nextID()
	f.c.loop.follows[cmd.ID] = sentFollow{f: f, command: cmd}
	f.c.send(outgoing{command: cmd})
}

// unfollow says that nothing of f is wanted for now.
func (f *follower) unfollow() {
	f.waiting, f.mending = 0, ""
	f.c.forget(f, "")
	if f.c.restream() || !f.c.isOpen() {
		return
	}
	f.c.send(outgoing{command: &wire.Command{Type: wire.CmdUnfollow, Channel: f.place.channel, Turn: f.place.turn}})
}

// lost is called when the link is gone.
func (f *follower) lost() { f.waiting, f.mending, f.mendID = 0, "", 0 }

// --- what the server says ---

// followed takes the answer to a follow; numbers for its logs come next.
func (f *follower) followed(cmd *wire.Command, h *wire.History) {
	if f.mendID == cmd.ID {
		f.mending, f.mendID = "", 0
		return
	}
	f.waiting, f.late = 0, false
	if h == nil {
		return
	}
	if !f.push(Page{History: h}) {
		return // asked for again
	}
	f.placed, f.timeline, f.snapshot, f.newest = true, h.After, false, h.Leaf
	clear(f.live)
	clear(f.mended)
	for i := range h.Turns {
		if t := &h.Turns[i]; t.State.Terminal() {
			f.end(t.Turn)
		} else {
			f.live[t.Turn] = t.At
		}
	}
}

func (f *follower) refused(cmd *wire.Command, e *wire.Error) {
	if e == nil {
		e = &wire.Error{Code: wire.CodeInternal, Message: "the server did not say why"}
	}
	f.waiting, f.mending, f.mendID = 0, "", 0
	switch {
	case e.Code == wire.CodeUnauthorized || e.Code == wire.CodeExpired || e.Code == wire.CodeDraining:
		f.c.down(e)
	case e.Code == wire.CodeTrimmed && f.place.turn == "":
		f.resync()
	case e.RetryIn > 0:
		if !f.late {
			f.late = true
			f.c.putOff(e)
		}
		link := f.c.loop.link
		f.c.after(time.Duration(e.RetryIn)*time.Millisecond+f.c.opts.Backoff(2), func() {
			if f.c.loop.link == link && f.c.loop.fs[f.place] == f && f.waiting == 0 {
				f.follow()
			}
		})
	default:
		f.fail(e)
	}
}

// opened takes that number n stands for a log that the server goes on with
// after place at.
func (f *follower) opened(n uint32, name string, at turn.Seq) {
	if name == "" {
		if !f.placed {
			f.placed, f.timeline = true, at
		}
		if at > f.timeline {
			f.resync()
		}
		return
	}
	have, ok := f.live[name]
	switch {
	case slices.Contains(f.past, name), f.mending == name:
		delete(f.c.loop.logs, n) // late, or named twice
	case !ok:
		f.live[name] = at
	case have != at:
		delete(f.c.loop.logs, n)
		f.mend(name, have)
	}
}

// mend sets the cursor on one turn anew, once for each place.
func (f *follower) mend(name string, at turn.Seq) {
	if last, ok := f.mended[name]; ok && last == at || f.mending != "" {
		f.resync()
		return
	}
	f.mended[name] = at
	if f.c.restream() {
		return
	}
	f.c.forget(f, name)
	cmd := &wire.Command{Type: wire.CmdFollow, Channel: f.place.channel, Turn: name, After: at, Pace: f.opts.Pace}
	f.send(cmd)
	f.mending, f.mendID = name, cmd.ID
}

// event takes the next event of a log. It covers all places after the last
// one that was given (docs/protocol.md, Cursors, 2).
func (f *follower) event(name string, ev *turn.Event) {
	if name == "" {
		f.timelineEvent(ev)
		return
	}
	at, ok := f.live[name]
	if !ok || ev.Seq <= at {
		return
	}
	e := *ev
	if e.Seq > at+1 {
		e.First = at + 1
	}
	if !f.push(Delta{Turn: name, Event: e}) {
		return
	}
	f.live[name] = e.Seq
	if e.Kind.Terminal() {
		f.end(name)
	}
}

func (f *follower) timelineEvent(ev *turn.Event) {
	if ev.Seq <= f.timeline {
		return
	}
	if ev.Seq != f.timeline+1 {
		f.resync() // nothing merges on a timeline
		return
	}
	if out := f.told(ev); out != nil && !f.push(out) {
		return
	}
	f.timeline = ev.Seq
	var b channel.Begun
	if ev.Kind == channel.KindTurn && json.Unmarshal(ev.Data, &b) == nil && f.isNew(b.Turn) {
		f.live[b.Turn], f.newest = 0, b.Turn
	}
}

// told returns what a reader is told of a timeline's event; nil for nothing.
func (f *follower) told(ev *turn.Event) Event {
	switch ev.Kind {
	case channel.KindTurn:
		var b channel.Begun
		if json.Unmarshal(ev.Data, &b) != nil || !f.isNew(b.Turn) {
			return nil // a foreign writer's, or named a second time
		}
		if b.Parent == "" && b.Supersedes == "" {
			b.Parent = f.newest
		}
		return Begun{Place: ev.Seq, Turn: b.Turn, Message: b.Message, User: b.User, Parent: b.Parent, Supersedes: b.Supersedes}
	case channel.KindTurnEnd:
		var e channel.Ended
		if json.Unmarshal(ev.Data, &e) != nil || !f.isNew(e.Turn) {
			return nil // its own log says so too, and more
		}
		return Ended{Turn: e.Turn, State: turn.State(e.State)}
	case channel.KindCustom:
		return Custom{Place: ev.Seq, Name: ev.Name, Data: ev.Data, From: ev.Attrs[channel.AttrFrom]}
	}
	return nil
}

// isNew reports whether a turn is neither followed nor was.
func (f *follower) isNew(name string) bool {
	_, live := f.live[name]
	return name != "" && !live && !slices.Contains(f.past, name)
}

// closed takes that nothing more comes of a log.
func (f *follower) closed(name string, e *wire.Error) {
	if name == "" {
		f.resync()
		return
	}
	at, ok := f.live[name]
	switch {
	case !ok: // its last event came
	case e == nil:
		f.mend(name, at)
	case f.place.turn != "":
		f.fail(e)
	case f.push(Broken{Turn: name, Err: e}):
		f.end(name)
	}
}

// reset takes that a log no longer has what would come next.
func (f *follower) reset(name string, e *wire.Error) {
	if f.place.turn == "" {
		f.resync()
		return
	}
	if f.live[name] == 0 { // not even its beginning
		if e == nil {
			e = &wire.Error{Code: wire.CodeTrimmed, Message: "the turn is no longer there", Turn: name}
		}
		f.fail(e)
		return
	}
	if f.push(restarted{name}) {
		f.live[name] = 0
		f.follow()
	}
}
