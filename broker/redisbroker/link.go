package redisbroker

import (
	"slices"
	"time"

	"github.com/redis/rueidis"
)

// Bounds of the link.
const (
	subscribeAtOnce = 500 // channels in one command
	sweepEvery      = 500 * time.Millisecond
	redialEvery     = 200 * time.Millisecond
	redialAtMost    = 2 * time.Second
)

// link keeps one connection for all subscriptions until the broker is closed.
// It is the package's one lasting goroutine of its own.
func (b *Broker) link() {
	wait := redialEvery
	for b.ctx.Err() == nil {
		if b.subscribed() {
			wait = redialEvery
		}
		select {
		case <-b.ctx.Done():
		case <-time.After(wait):
			wait = min(2*wait, redialAtMost)
		}
	}
}

// subscribed runs one connection to its end, and reports whether it ever
// stood.
func (b *Broker) subscribed() (stood bool) {
	c, release := b.c.Dedicate()
	defer release()
	defer c.Close()
	gone := c.SetPubSubHooks(rueidis.PubSubHooks{
		OnMessage: func(m rueidis.PubSubMessage) { b.hub.heard(m.Channel, m.Message) },
		OnSubscription: func(s rueidis.PubSubSubscription) {
			if s.Kind == "ssubscribe" {
				b.hub.confirmed(s.Channel)
			}
		},
	})
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	on := make(map[string]struct{}) // subscribed to on this connection
	defer b.hub.lost()
	b.hub.again()
	for {
		select {
		case <-b.ctx.Done():
			return stood
		case err := <-gone:
			if b.ctx.Err() == nil {
				b.log.Warn("subscriptions lost, connect again", "redis", b.addr, "err", err)
			}
			return stood
		case <-b.hub.kick:
			if err := b.subscribe(c, on); err != nil {
				if b.ctx.Err() == nil {
					b.log.Warn("subscribe", "redis", b.addr, "err", b.wrap(b.ctx, err))
				}
				return stood
			}
			stood = true
		case now := <-tick.C:
			for _, w := range b.hub.all() {
				call(w.fell(now))
			}
		}
	}
}

// subscribe brings the subscriptions in line with what is wanted.
func (b *Broker) subscribe(c rueidis.DedicatedClient, on map[string]struct{}) error {
	add, drop := b.hub.wanted(on)
	for part := range slices.Chunk(add, subscribeAtOnce) {
		if err := c.Do(b.ctx, c.B().Ssubscribe().Channel(part...).Build()).Error(); err != nil {
			return err
		}
		for _, ch := range part {
			on[ch] = struct{}{}
		}
	}
	for part := range slices.Chunk(drop, subscribeAtOnce) {
		if err := c.Do(b.ctx, c.B().Sunsubscribe().Channel(part...).Build()).Error(); err != nil {
			return err
		}
		for _, ch := range part {
			delete(on, ch)
		}
	}
	return nil
}

// wanted returns which subscriptions to make and to end. One that stands and
// is wanted by somebody new is confirmed at once.
func (h *hub) wanted(on map[string]struct{}) (add, drop []string) {
	h.mu.Lock()
	stale := h.stale
	h.stale = make(map[string]struct{})
	var again []string
	for ch := range stale {
		_, have := on[ch]
		want := h.logs[ch] != nil || h.topics[ch] != nil
		switch {
		case want && have:
			again = append(again, ch)
		case want:
			add = append(add, ch)
		case have:
			drop = append(drop, ch)
		}
	}
	h.mu.Unlock()
	for _, ch := range again {
		h.confirmed(ch)
	}
	return add, drop
}

// again asks for all subscriptions anew.
func (h *hub) again() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for ch := range h.logs {
		h.touch(ch)
	}
	for ch := range h.topics {
		h.touch(ch)
	}
}

func (h *hub) confirmed(channel string) {
	h.mu.Lock()
	w, t := h.logs[channel], h.topics[channel]
	h.mu.Unlock()
	if t != nil {
		t.confirmed()
	}
	if w != nil {
		call(w.confirmed())
	}
}

// lost marks all that is watched: nothing is told until the link is back.
func (h *hub) lost() {
	for _, w := range h.all() {
		call(w.lost())
	}
}
