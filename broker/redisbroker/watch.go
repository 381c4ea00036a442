package redisbroker

import (
	"strconv"
	"sync"
	"time"

	"github.com/redis/rueidis"
	"github.com/tinylib/msgp/msgp"

	"github.com/karez/karez/turn"
)

// A hub knows what this node listens to: logs that are watched and topics that
// are subscribed to, by the names of their pub/sub channels. One connection
// (link.go) carries them all.
type hub struct {
	mu     sync.Mutex // guards the four below
	logs   map[string]*watched
	topics map[string]*topic
	stale  map[string]struct{} // channels whose subscription may be wrong
	over   bool
	kick   chan struct{} // capacity 1: stale has grown
}

func newHub() *hub {
	return &hub{
		logs: make(map[string]*watched), topics: make(map[string]*topic),
		stale: make(map[string]struct{}), kick: make(chan struct{}, 1),
	}
}

// Watch is part of broker.Log. The subscription is made by the link; until it
// stands reads ask the stream, and when it stands wake is called.
func (b *Broker) Watch(id turn.ID, wake func()) (stop func()) {
	key, h := logKey(id), b.hub
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over { // the next Read says so
		wake()
		return func() {}
	}
	w := h.logs[key]
	if w == nil {
		w = &watched{wakers: make(map[*func()]struct{})}
		h.logs[key] = w
		h.touch(key)
	}
	w.mu.Lock()
	w.wakers[&wake] = struct{}{}
	w.mu.Unlock()
	return func() { h.unwatch(key, w, &wake) }
}

func (h *hub) unwatch(key string, w *watched, wake *func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	w.mu.Lock()
	delete(w.wakers, wake)
	none := len(w.wakers) == 0
	w.mu.Unlock()
	if none && h.logs[key] == w {
		delete(h.logs, key)
		h.touch(key)
	}
}

// touch tells the link to look at a channel. mu is held.
func (h *hub) touch(channel string) {
	h.stale[channel] = struct{}{}
	select {
	case h.kick <- struct{}{}:
	default:
	}
}

func (h *hub) watched(key string) *watched {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.logs[key]
}

func (h *hub) wrote(key string) {
	if w := h.watched(key); w != nil {
		w.own()
	}
}

// changed marks a log dirty that this node has changed otherwise.
func (h *hub) changed(key string) {
	if w := h.watched(key); w != nil {
		call(w.changed(false))
	}
}

// all returns what is watched.
func (h *hub) all() []*watched {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := make([]*watched, 0, len(h.logs))
	for _, w := range h.logs {
		out = append(out, w)
	}
	return out
}

// invalidated is called by the client library when keys that were read have
// changed; nil when a connection that asked to be told is gone, or all keys are.
func (h *hub) invalidated(keys []rueidis.RedisMessage) {
	if keys == nil {
		for _, w := range h.all() {
			call(w.changed(true))
		}
		return
	}
	for i := range keys {
		key, err := keys[i].ToString()
		if err != nil {
			continue
		}
		if w := h.watched(key); w != nil {
			call(w.changed(true))
		}
	}
}

// heard is called for each message of a subscribed channel.
func (h *hub) heard(channel, msg string) {
	h.mu.Lock()
	w, t := h.logs[channel], h.topics[channel]
	h.mu.Unlock()
	if t != nil {
		t.deliver(msg)
	}
	if w == nil {
		return
	}
	first, evs, err := parseMessage([]byte(msg))
	if err != nil || len(evs) == 0 { // a reset, or what is none of ours
		call(w.changed(false))
		return
	}
	call(w.published(first, evs, time.Now()))
}

func call(fs []func()) {
	for _, f := range fs {
		f()
	}
}

// parseMessage takes apart what append.lua and create.lua publish: their ARGV
// as MessagePack.
func parseMessage(p []byte) (first turn.Seq, evs []turn.Event, err error) {
	n, p, err := msgp.ReadArrayHeaderBytes(p)
	if err != nil || n < 6 {
		return 0, nil, errReply
	}
	// n is not trusted: an argument has at least one byte
	args := make([]string, 0, min(int(n), len(p)))
	for range n {
		var s []byte
		if s, p, err = msgp.ReadStringZC(p); err != nil {
			return 0, nil, err
		}
		args = append(args, string(s))
	}
	epoch, err := strconv.ParseUint(args[0], 10, 64)
	if err != nil {
		return 0, nil, err
	}
	at, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil || at == 0 {
		return 0, nil, errReply
	}
	rest := args[5:]
	for seq := turn.Seq(at); len(rest) > 0; seq++ {
		n, err := strconv.Atoi(rest[0])
		if err != nil || n < 0 || n >= len(rest) {
			return 0, nil, errReply
		}
		ev, err := decode(0, seq, rest[1:1+n])
		if err != nil {
			return 0, nil, err
		}
		ev.Epoch = turn.Epoch(epoch)
		evs, rest = append(evs, ev), rest[1+n:]
	}
	return turn.Seq(at), evs, nil
}
