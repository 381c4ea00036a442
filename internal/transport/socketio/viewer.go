package socketio

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/karez/karez/channel"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/socketio"
	"github.com/karez/karez/turn"
)

// A viewer is one client: its socket's application and its session's
// gateway.Conn. Nothing waits for it here: what its connection does not take
// stays in the log.
type viewer struct {
	t       *Transport // set once, as all of this group
	s       *socketio.Socket
	session *gateway.Session

	mu     sync.Mutex // guards all below
	key    string     // its offsets begin so
	logs   map[uint32]*logState
	places []*place // what an offset is made of, in the order of following
	voices []*voice
}

type viewerKey struct{}

func viewerOf(s *socketio.Socket) *viewer {
	v, _ := s.Data.Load(viewerKey{})
	return v.(*viewer)
}

// A logState is a log that the session has given a number.
type logState struct {
	id      turn.ID
	started bool // the client was told that the turn has started
}

// place returns where the client is in a channel. v.mu is held.
func (v *viewer) place(ch string) *place {
	for _, p := range v.places {
		if p.channel == ch {
			return p
		}
	}
	return nil
}

// put replaces the client's place in a channel. v.mu is held.
func (v *viewer) put(p *place) {
	for i, q := range v.places {
		if q.channel == p.channel {
			v.places[i] = p
			return
		}
	}
	v.places = append(v.places, p)
}

func (v *viewer) offset() string { return encodeOffset(v.key, v.places) }

// restore sets the cursors that an offset names, all or none.
func (v *viewer) restore(ctx context.Context, secret, offset string) bool {
	places, err := decodeOffset(key(secret), offset)
	if err != nil || len(places) == 0 { // a client that was sent no offset follows nothing that it was told of
		return false
	}
	v.mu.Lock()
	v.key, v.places = key(secret), places
	v.mu.Unlock()
	for _, p := range places {
		if err := v.follow(ctx, p); err != nil {
			v.t.log.Debug("restore", "channel", p.channel, "err", err)
			for _, p := range places {
				v.session.Unfollow(p.channel, "")
			}
			v.mu.Lock()
			v.places = nil
			v.mu.Unlock()
			return false
		}
	}
	return true
}

// follow sets the cursors of one place.
func (v *viewer) follow(ctx context.Context, p *place) error {
	if p.whole {
		seqs := make(map[string]turn.Seq, len(p.turns))
		for _, a := range p.turns {
			seqs[a.turn] = a.seq
		}
		_, err := v.session.Follow(ctx, gateway.Follow{Channel: p.channel, After: p.after, Turns: seqs})
		return err
	}
	for _, a := range p.turns {
		if _, err := v.session.Follow(ctx, gateway.Follow{Channel: p.channel, Turn: a.turn, After: a.seq}); err != nil {
			return err
		}
	}
	return nil
}

// Opened is part of gateway.Conn, as all below. The client is told nothing: it
// knows logs by their names.
func (v *viewer) Opened(l gateway.Log) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.logs[l.N] = &logState{id: l.ID, started: l.At > 1}
	return nil
}

type bodyKey struct{}

// Deliver sends the events of a batch, each with the offset that stands after
// it, all of them or none.
func (v *viewer) Deliver(n uint32, b *gateway.Batch) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	l := v.logs[n]
	if l == nil {
		return nil
	}
	p := v.place(l.id.Channel)
	if p == nil || p.at(l.id) != b.From {
		return nil // unfollowed meanwhile, or followed from elsewhere
	}
	before, started := p.clone(), l.started
	var ms []socketio.Message
	if l.id.Kind == turn.TimelineLog {
		ms = v.timeline(l, p, b)
	} else {
		ms = v.turn(l, p, b)
	}
	if len(ms) == 0 {
		return nil
	}
	err := full(v.s.TryEmit(ms...))
	if err != nil {
		v.put(before)
		l.started = started
	}
	return err
}

// full translates the protocol's word for it into the gateway's.
func full(err error) error {
	if errors.Is(err, socketio.ErrFull) {
		return gateway.ErrFull
	}
	return err
}

// turn makes messages of a turn's events.
func (v *viewer) turn(l *logState, p *place, b *gateway.Batch) []socketio.Message {
	bodies := b.Bodies(bodyKey{}, func(ev *turn.Event) []byte { return encode(l.id, ev) })
	ms := make([]socketio.Message, 0, len(bodies)+1)
	for i := range b.Events {
		ev := &b.Events[i]
		if empty(ev) {
			p.set(l.id.Name, ev.Seq)
			continue
		}
		if ev.Kind != turn.KindPrompt && !l.started {
			l.started = true
			if !ev.Kind.Terminal() && ev.Kind != turn.KindEpoch {
				ms = append(ms, v.message(p, evStarted, turnBody{Turn: l.id.Name, Channel: l.id.Channel, Seq: ev.Start() - 1}))
			}
		}
		p.set(l.id.Name, ev.Seq)
		if ev.Kind.Terminal() {
			p.end(l.id.Name)
			v.prune()
		}
		if binary(ev) {
			ms = append(ms, v.message(p, nameOf(ev), attached(l.id, ev)))
			continue
		}
		ms = append(ms, v.message(p, nameOf(ev), json.RawMessage(bodies[i])))
	}
	return ms
}

// attached is the first argument of an event whose data is an attachment.
func attached(id turn.ID, ev *turn.Event) map[string]any {
	m := map[string]any{"turn": id.Name, "channel": id.Channel, "seq": uint64(ev.Seq), "data": ev.Data}
	for k, s := range map[string]string{"part": ev.Part, "name": ev.Name, "media_type": ev.Media} {
		if s != "" {
			m[k] = s
		}
	}
	if nameOf(ev) == evOther {
		m["kind"] = string(ev.Kind)
	}
	return m
}

func message(event string, body any, offset string) socketio.Message {
	return socketio.Message{Event: event, Args: []any{body, offset}}
}

// message makes a message about a channel, with the offset that stands after
// it.
func (v *viewer) message(p *place, event string, body any) socketio.Message {
	if p.echo {
		return socketio.Message{Event: event, Args: []any{p.channel, body, v.offset()}}
	}
	return message(event, body, v.offset())
}

// timeline makes messages of a timeline's events.
func (v *viewer) timeline(l *logState, p *place, b *gateway.Batch) []socketio.Message {
	bodies := b.Bodies(bodyKey{}, func(ev *turn.Event) []byte { return encodeTimeline(l.id, ev) })
	ms := make([]socketio.Message, 0, len(bodies))
	for i := range b.Events {
		ev := &b.Events[i]
		p.after, p.text = ev.Seq, ""
		if name := concerns(ev); name != "" {
			p.begin(name, ev.Kind == channel.KindTurn) // its cursor follows this batch
		}
		if p.echo && timelineName(ev) == evCustom {
			ms = append(ms, v.message(p, echoName(ev.Name), echoData(ev.Data)))
			continue
		}
		ms = append(ms, v.message(p, timelineName(ev), json.RawMessage(bodies[i])))
	}
	return ms
}

// Ended forgets a log. The client knows from the terminal event; else it is
// told why nothing follows.
func (v *viewer) Ended(l gateway.Log, why error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	p := v.place(l.ID.Channel)
	if why != nil && p != nil {
		before := p.clone()
		if l.ID.Kind == turn.TimelineLog {
			p.whole = false
			p.tidy()
		} else {
			p.end(l.ID.Name)
		}
		v.prune()
		body := lostBody{Channel: l.ID.Channel, Turn: l.ID.Name, Seq: l.At, Error: v.t.explain(why, "follow log", "log", l.ID.String())}
		if err := v.s.TryEmit(message(evLost, body, v.offset())); err != nil {
			v.put(before)
			return full(err)
		}
	}
	delete(v.logs, l.N)
	if p != nil && why == nil {
		p.end(l.ID.Name)
		v.prune()
	}
	return nil
}

// prune drops places where nothing is followed. v.mu is held.
func (v *viewer) prune() {
	v.places = slices.DeleteFunc(v.places, func(p *place) bool { return !p.whole && len(p.turns) == 0 })
}

// Present tells who is on a channel.
func (v *viewer) Present(r *gateway.Roster) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p := v.place(r.Channel); p != nil && p.echo {
		return full(v.s.TryEmit(v.echoRoster(p, r)...))
	}
	return full(v.s.TryEmit(message(evPresence, encodeRoster(r), v.offset())))
}

// Signal may be dropped for a slow client.
func (v *viewer) Signal(s gateway.Signal) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if p := v.place(s.Channel); p != nil && p.echo {
		_ = v.s.TryEmit(v.message(p, echoName(s.Name), echoData(s.Data)))
		return
	}
	_ = v.s.TryEmit(message(evSignal, encodeSignal(s), v.offset()))
}

// Renew asks for a fresh token; a client that is full learns it from bye.
func (v *viewer) Renew(d time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	_ = v.s.TryEmit(message(evRenew, map[string]any{"in": d.Milliseconds()}, v.offset()))
}

// Close says why and ends the connection. A client comes back by itself when
// its connection ends, not when it was disconnected: that is for one that an
// operator closed.
func (v *viewer) Close(why error) {
	if errors.Is(why, gateway.ErrClosed) {
		return // the socket's end was first
	}
	v.mu.Lock()
	offset := v.offset()
	v.mu.Unlock()
	_ = v.s.TryEmit(message(evBye, v.t.explain(why, "close connection"), offset)) // as good as it goes
	v.s.Disconnect(!errors.Is(why, gateway.ErrKicked))
}
