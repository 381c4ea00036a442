package socketio

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/socketio"
	"github.com/karez/karez/wire"
)

// Laravel Echo's socket.io broadcaster speaks a dialect of its own: it emits
// subscribe, unsubscribe and "client event", and its handlers take the
// channel's name before the data. What an application publishes on the channel,
// or signals, comes under the name that it was given; a turn's events come
// under theirs. The token stands where Echo's headers do:
//
//	new Echo({ broadcaster: "socket.io", client: io, host, auth: { headers: { Authorization: `Bearer ${token}` } } })
//
// subscribe follows a channel from now on. Echo repeats it after every break,
// also when the client was recovered and nothing is to be done.
func subscribe(ctx context.Context, v *viewer, r *request) (reply, error) {
	v.mu.Lock()
	p := v.place(r.Channel)
	there := p != nil && p.echo && p.whole
	v.mu.Unlock()
	var err error
	if !there {
		_, err = follow(ctx, v, &request{Channel: r.Channel, From: wire.FromNow, echo: true})
	}
	if err == nil && strings.HasPrefix(r.Channel, "presence-") {
		_, err = join(ctx, v, &request{Channel: r.Channel})
	}
	if err != nil {
		e := refusal.Explain(err)
		e.Log(v.t.log, "subscribe", "channel", r.Channel)
		return reply{}, v.s.Emit("subscription_error", r.Channel, e.Status(), v.stands())
	}
	return reply{}, nil
}

func unsubscribe(ctx context.Context, v *viewer, r *request) (reply, error) {
	v.session.Leave(r.Channel)
	return unfollow(ctx, v, &request{Channel: r.Channel})
}

// whisper is a signal of a client to the others.
func whisper(ctx context.Context, v *viewer, r *request) (reply, error) {
	return signal(ctx, v, &request{Channel: r.Channel, Name: r.Event, Data: r.Data})
}

// echoName is the name under which an application's own event reaches Echo.
func echoName(name string) string {
	if name == "" || socketio.Reserved(name) {
		return evCustom
	}
	return name
}

// echoData is an application's own data.
func echoData(p json.RawMessage) any {
	switch {
	case len(p) == 0:
		return nil
	case json.Valid(p):
		return p
	}
	return string(p)
}

// An echoMember is a member as Echo has it.
type echoMember struct {
	ID   string          `json:"user_id"`
	Info json.RawMessage `json:"user_info"`
}

func encodeMember(m gateway.Member) echoMember {
	info := m.Info
	if len(info) == 0 {
		info = mustJSON(map[string]string{"id": m.ID})
	}
	return echoMember{ID: m.ID, Info: info}
}

// echoRoster makes messages of who is there. v.mu is held.
func (v *viewer) echoRoster(p *place, r *gateway.Roster) []socketio.Message {
	var ms []socketio.Message
	if r.Full {
		here := make([]echoMember, 0, len(r.Here))
		for _, m := range r.Here {
			here = append(here, encodeMember(m))
		}
		ms = append(ms, v.message(p, "presence:subscribed", here))
	}
	for _, m := range r.Joined {
		ms = append(ms, v.message(p, "presence:joining", encodeMember(m)))
	}
	for _, m := range r.Left {
		ms = append(ms, v.message(p, "presence:leaving", encodeMember(m)))
	}
	return ms
}
