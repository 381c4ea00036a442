package client

import (
	"time"

	"github.com/karez/karez/wire"
)

// resync starts over from a snapshot: when the reader has taken what is here,
// and not more often than every now and then.
func (f *follower) resync() {
	f.snapshot = true
	f.unfollow()
	if !f.q.empty() {
		f.lag()
		return
	}
	f.startOver()
}

func (f *follower) startOver() {
	if f.planned {
		return
	}
	if wait := resyncPause - time.Since(f.resynced); wait > 0 {
		f.planned = true
		f.c.after(wait, func() {
			f.planned = false
			if f.c.loop.fs[f.place] == f {
				f.resynced = time.Now()
				f.follow()
			}
		})
		return
	}
	f.resynced = time.Now()
	f.follow()
}

// push gives ev to the reader. When there is no room it is as if ev had not
// come: the cursor stays, and goes on when the reader has caught up.
func (f *follower) push(ev Event) bool {
	if f.behind {
		return false
	}
	if f.q.push(ev) {
		return true
	}
	if _, ok := ev.(Signal); !ok {
		f.unfollow()
		f.lag()
	}
	return false
}

// lag waits for the reader.
func (f *follower) lag() {
	f.behind = true
	if f.q.setLag() {
		f.caughtUp()
	}
}

// caughtUp is called when the reader has taken all.
func (f *follower) caughtUp() {
	if !f.behind || f.c.loop.fs[f.place] != f {
		return
	}
	f.behind = false
	if f.snapshot {
		f.startOver()
		return
	}
	f.follow()
}

func (f *follower) end(name string) {
	delete(f.live, name)
	delete(f.mended, name)
	if len(f.past) >= maxPast {
		f.past = append(f.past[:0], f.past[maxPast/2:]...)
	}
	f.past = append(f.past, name)
	if name == f.place.turn {
		f.c.remove(f, nil)
	}
}

// fail ends f with an error.
func (f *follower) fail(e *wire.Error) { f.c.remove(f, e) }

// attach begins to follow what f says.
func (c *Client) attach(f *follower) *wire.Error {
	if e := c.ended(); e != nil {
		return e
	}
	for p := range c.loop.fs {
		if p.channel == f.place.channel && (p.turn == "" || f.place.turn == "" || p.turn == f.place.turn) {
			return &wire.Error{
				Code: CodeFollowed, Message: "this client follows channel " + p.channel + " already",
				Hint: "ask with Prompt and read the answer there, or use another client",
			}
		}
	}
	c.loop.fs[f.place] = f
	c.start()
	f.follow()
	return nil
}

// remove ends following.
func (c *Client) remove(f *follower, e *wire.Error) {
	if c.loop.fs[f.place] == f {
		delete(c.loop.fs, f.place)
		f.unfollow()
	}
	f.q.end(e)
}
