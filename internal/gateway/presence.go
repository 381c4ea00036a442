package gateway

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/karez/karez/internal/presence"
)

// A Member is one who is present on a channel; see presence.Member.
type Member = presence.Member

// A Roster says who is on a channel, or what has changed since the reader
// was last told: several changes have become one, and who came and went
// meanwhile is not in it. Readers at the same place share one: do not change
// it.
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

// Body returns p as encode writes it, made once per key (a codec) and shared
// by all readers: do not change it.
func (p *Roster) Body(key any, encode func(*Roster) []byte) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if out, ok := p.enc[key]; ok {
		return out
	}
	out := encode(p)
	if p.enc == nil {
		p.enc = make(map[any][]byte, 1)
	}
	p.enc[key] = out
	return out
}

// Join makes the session's user visible on a channel, and tells the session
// who is there, from a full Roster on. The same user counts once however
// many sessions join. Joining again replaces info and state. The token needs
// presence. ErrTooMany: the channel is full, or the session is on too many.
// ErrBadName: state or info cannot be taken. broker.ErrTooLarge: the info.
func (s *Session) Join(ctx context.Context, ch, state string, info json.RawMessage) error {
	return s.JoinAs(ctx, ch, Member{ID: s.Who().User, State: state, Info: info})
}

// JoinAs is Join for a transport that knows better than the token who the
// member is: one that has checked a signature over it.
func (s *Session) JoinAs(ctx context.Context, ch string, m Member) error {
	return errors.ErrUnsupported // until the next step
}

// Watch tells the session who is on a channel, from a full Roster on,
// without making anybody visible. Watching again, or what was joined, begins
// again with a full one. The token needs presence.
func (s *Session) Watch(ctx context.Context, ch string) error {
	return errors.ErrUnsupported
}

// Leave ends Join and Watch. The others are told at once; when a session
// closes without it, its user stays for a moment, so that a reload of the
// page does not flicker.
func (s *Session) Leave(ch string) {}

// SetState changes the state of the member that the session joined a channel
// as. ErrNotJoined.
func (s *Session) SetState(ctx context.Context, ch, state string) error {
	return errors.ErrUnsupported
}

// Members says who is on a channel now. The token needs presence.
func (s *Session) Members(ctx context.Context, ch string) ([]Member, error) {
	return nil, errors.ErrUnsupported
}

// Members says who is on a channel of an app now.
func (g *Gateway) Members(ctx context.Context, app, ch string) ([]Member, error) {
	return nil, errors.ErrUnsupported
}
