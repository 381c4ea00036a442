package pusher

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/presence"
	"github.com/karez/karez/internal/transport/pusher/apps"
)

// memberChanged tells of another state or info, for which Pusher has no event.
const memberChanged = "presence.changed"

// join makes m visible on a presence channel and waits until it is known who
// else is.
func (c *conn) join(ctx context.Context, ch string, s *sub, m gateway.Member) error {
	if err := c.session.JoinAs(ctx, ch, m); err != nil {
		return err
	}
	select {
	case <-s.full:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Present is part of gateway.Conn.
func (c *conn) Present(p *gateway.Roster) error {
	if id, ok := strings.CutPrefix(p.Channel, apps.HiddenUser); ok {
		return c.watched(id, p)
	}
	c.mu.Lock()
	s := c.subs[p.Channel]
	if s == nil || s.full == nil {
		c.mu.Unlock()
		return nil
	}
	if s.pending {
		s.fold(p)
		c.mu.Unlock()
		return nil
	}
	c.mu.Unlock()
	c.t.occ.Changed(c.app, p.Channel)
	return c.out.try(split([][]byte{p.Body(presentKey{}, appendPresent)})...)
}

type presentKey struct{} // of gateway.Roster.Body

// fold keeps who is here until the answer to the subscription.
func (s *sub) fold(p *gateway.Roster) {
	if p.Full || s.here == nil {
		s.here = make(map[string]gateway.Member)
	}
	for _, list := range [][]gateway.Member{p.Here, p.Joined, p.Changed} {
		for _, m := range list {
			s.here[memberID(m)] = m
		}
	}
	for _, m := range p.Left {
		delete(s.here, memberID(m))
	}
	if p.Full {
		select {
		case <-s.full:
		default:
			close(s.full)
		}
	}
}

// memberID is a member's id as Pusher clients see it: they know no kinds.
func memberID(m gateway.Member) string {
	if m.Kind == presence.Agent {
		return "agent:" + m.ID
	}
	return m.ID
}

// memberInfo is a member's user_info; an agent that gives none shows its state.
func memberInfo(m gateway.Member) string {
	if len(m.Info) > 0 {
		return string(m.Info)
	}
	if m.Kind == presence.Agent {
		return `{"kind":"agent","state":` + quote(m.State) + `}`
	}
	return "null"
}

// hereData is the data of subscription_succeeded on a presence channel.
func hereData(here map[string]gateway.Member) string {
	b := []byte(`{"presence":{"ids":[`)
	ids := slices.Sorted(maps.Keys(here))
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, id)
	}
	b = append(b, `],"hash":{`...)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(append(appendString(b, id), ':'), memberInfo(here[id])...)
	}
	b = strconv.AppendInt(append(b, `},"count":`...), int64(len(ids)), 10)
	return string(append(b, "}}"...))
}

// appendPresent makes the frames of a change, each with a line break behind it.
// A full one is the answer to a subscription over again: it replaces what the
// client was told before.
func appendPresent(p *gateway.Roster) []byte {
	var b []byte
	if p.Full {
		var s sub
		s.full = make(chan struct{})
		s.fold(p)
		return append(appendEvent(b, evSubscribed, p.Channel, hereData(s.here), ""), '\n')
	}
	for _, m := range p.Left {
		b = append(appendEvent(b, evRemoved, p.Channel, `{"user_id":`+quote(memberID(m))+`}`, ""), '\n')
	}
	for _, m := range p.Joined {
		b = append(appendEvent(b, evAdded, p.Channel, memberData(m), ""), '\n')
	}
	for _, m := range p.Changed {
		data := memberData(m)
		if m.State != "" {
			data = data[:len(data)-1] + `,"state":` + quote(m.State) + `}`
		}
		b = append(appendEvent(b, memberChanged, p.Channel, data, ""), '\n')
	}
	return b
}

func memberData(m gateway.Member) string {
	return `{"user_id":` + quote(memberID(m)) + `,"user_info":` + memberInfo(m) + `}`
}
