package pusher

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/pusher/apps"
)

// maxSubs bounds the subscriptions of a connection. Those that show turns are
// bounded by gateway.Options.MaxFollows, too.
const maxSubs = 1000

var errProof = errors.New("invalid signature") // caller: refuse the subscription

// subscribeData is the data of pusher:subscribe.
type subscribeData struct {
	Channel     string `json:"channel"`
	Auth        string `json:"auth"`
	ChannelData string `json:"channel_data"`
}

// subscribe answers with subscription_succeeded, then whatever happens on the
// channel from then on, and its live turns from their beginning.
func (c *conn) subscribe(ctx context.Context, data json.RawMessage) {
	var d subscribeData
	if decodeData(data, &d) != nil {
		c.complain(codeGeneric, "Invalid message format")
		return
	}
	if !apps.GoodChannel(d.Channel) {
		c.refuseSub(d.Channel, codeForbidden, 400, fmt.Sprintf("Invalid channel name %q: a name has 1 to %d letters, digits and _-=@,.;", apps.Clip(d.Channel), apps.MaxChannel))
		return
	}
	c.mu.Lock()
	there := c.subs[d.Channel] != nil
	c.mu.Unlock()
	if there {
		c.complain(0, "Existing subscription to channel "+d.Channel)
		return
	}
	m, err := c.prove(d)
	if err == nil {
		err = c.enter(ctx, d.Channel, m)
	}
	if err == nil {
		return
	}
	r, known := find(err)
	if !known {
		c.t.log.Error("subscribe", "app", c.app.ID, "channel", d.Channel, "err", err)
	}
	c.refuseSub(d.Channel, r.code, r.status, explain(err))
}

// refuseSub tells a client that it is not subscribed: the channel's own event
// names it, pusher:error is what older clients look at.
func (c *conn) refuseSub(ch string, code, status int, text string) {
	if !c.app.Reverb {
		kind := "SubscriptionError"
		if status == 401 || status == 403 {
			kind = "AuthError"
		}
		c.tell(appendEvent(nil, evSubError, apps.Clip(ch), `{"type":"`+kind+`","error":`+quote(text)+`,"status":`+strconv.Itoa(status)+`}`, ""))
	}
	c.complain(code, text)
}

// prove checks what a subscription needs, and returns whom a presence channel
// shall show.
func (c *conn) prove(d subscribeData) (*gateway.Member, error) {
	u := c.signedIn()
	switch {
	case apps.IsPublic(d.Channel):
		return nil, nil
	case d.Channel[0] == '#':
		if u == nil || d.Channel != apps.ServerToUser+u.ID {
			return nil, fmt.Errorf("%w: this channel belongs to a user who is not signed in here", gateway.ErrForbidden)
		}
		return nil, nil
	case !c.app.Proves(d.Auth, apps.ChannelText(c.id, d.Channel, d.ChannelData)):
		return nil, fmt.Errorf("%w: expected key:signature, the HMAC SHA256 hex digest of socket_id, channel and channel_data", errProof)
	case !apps.IsPresence(d.Channel):
		return nil, nil
	case d.ChannelData == "" && u != nil:
		return &gateway.Member{ID: u.ID, Info: u.Info}, nil
	}
	return memberOf(d.ChannelData)
}

// memberOf reads the channel_data of a presence channel.
func memberOf(data string) (*gateway.Member, error) {
	var d struct {
		ID   json.RawMessage `json:"user_id"`
		Info json.RawMessage `json:"user_info"`
	}
	if json.Unmarshal([]byte(data), &d) != nil {
		return nil, fmt.Errorf("%w: channel_data is not a JSON object", errFormat)
	}
	m := &gateway.Member{ID: dataText(d.ID), Info: d.Info}
	if string(d.Info) == "null" {
		m.Info = nil
	}
	if m.ID == "null" || len(d.ID) > 0 && (d.ID[0] == '{' || d.ID[0] == '[') {
		m.ID = ""
	}
	return m, m.Check()
}

// enter joins the channel. Presence comes first: the answer needs to know who
// is there.
func (c *conn) enter(ctx context.Context, ch string, m *gateway.Member) (err error) {
	s := &sub{pending: true}
	if m != nil {
		s.member, s.full = m.ID, make(chan struct{})
	}
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return gateway.ErrClosed
	}
	if len(c.subs) >= maxSubs {
		c.mu.Unlock()
		return fmt.Errorf("%w: a connection has at most %d subscriptions", gateway.ErrTooMany, maxSubs)
	}
	c.subs[ch] = s
	c.mu.Unlock()
	if !apps.IsPublic(ch) {
		c.grants.prove(ch)
	}
	defer func() {
		if err != nil {
			c.leave(ch)
		}
	}()
	if m != nil {
		if err := c.join(ctx, ch, s, *m); err != nil {
			return err
		}
	}
	c.session.Hold() // the answer first, then what is followed
	defer c.session.Release()
	f := gateway.Follow{Channel: ch, From: gateway.FromNow}
	if c.app.HideTurns || apps.IsEncrypted(ch) || ch[0] == '#' {
		f.From = gateway.FromSignals // no key to encrypt turns with, or none wanted
	}
	if _, err := c.session.Follow(ctx, f); err != nil {
		return err
	}
	return c.welcome(ctx, ch, s)
}

// welcome answers a subscription, and sends what was held back behind it.
func (c *conn) welcome(ctx context.Context, ch string, s *sub) error {
	var cached []byte
	if apps.IsCache(ch) {
		last, err := c.t.occ.Last(ctx, c.app, ch)
		if err != nil {
			return err
		}
		cached = appendEvent(nil, last.Name, ch, last.Data, "")
		if last.Name == "" {
			cached = appendEvent(nil, evCacheMiss, ch, "", "")
			c.t.occ.CacheMiss(ctx, c.app, ch)
		}
	}
	c.mu.Lock()
	if c.over {
		c.mu.Unlock()
		return gateway.ErrClosed
	}
	data := "{}"
	if s.full != nil {
		data = hereData(s.here)
	}
	frames := [][]byte{appendEvent(nil, evSubscribed, ch, data, "")}
	if cached != nil {
		frames = append(frames, cached)
	}
	frames = append(frames, s.held...)
	s.pending, s.held, s.here = false, nil, nil
	c.t.occ.Joined(c.app, ch)
	err := c.out.put(frames...) // with mu held: nothing goes between
	c.mu.Unlock()
	return err
}

// unsubscribe has no answer.
func (c *conn) unsubscribe(data json.RawMessage) {
	var d subscribeData
	if decodeData(data, &d) != nil {
		c.complain(codeGeneric, "Invalid message format")
		return
	}
	c.leave(d.Channel)
}

// leave undoes enter, however far that came.
func (c *conn) leave(ch string) {
	c.mu.Lock()
	s := c.subs[ch]
	delete(c.subs, ch)
	c.mu.Unlock()
	if s == nil {
		return
	}
	if !s.pending {
		c.t.occ.Left(c.app, ch)
	}
	if s.member != "" {
		c.session.Leave(ch)
	}
	c.session.Unfollow(ch, "")
	c.grants.forget(ch)
}
