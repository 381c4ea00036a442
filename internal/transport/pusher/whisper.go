package pusher

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/transport/pusher/apps"
	"github.com/karez/karez/turn"
)

const clientPrefix = "client-"

// Client events by which a client asks and stops, where its app allows it.
const (
	clientPrompt = "client-prompt"
	clientCancel = "client-cancel"
)

// promptRefused answers clientPrompt and clientCancel when they fail.
const promptRefused = "prompt.refused"

// asClientEvent is the name of what a client of any protocol has signalled: a
// Pusher client trusts every other name.
func asClientEvent(name string) string {
	if strings.HasPrefix(name, clientPrefix) {
		return name
	}
	return clientPrefix + name
}

// clientEvent relays an event to the other subscribers, on any node.
func (c *conn) clientEvent(ctx context.Context, m message) {
	if !strings.HasPrefix(m.Event, clientPrefix) {
		if c.app.Reverb && strings.HasPrefix(m.Event, "pusher:") {
			c.complain(codeGeneric, "Invalid message format")
			return
		}
		c.complain(0, "Unsupported event "+apps.Clip(m.Event)+": client events begin with client-")
		return
	}
	s, code, why := c.mayWhisper(m)
	if why != "" {
		c.complain(code, why)
		return
	}
	if c.app.Prompts && (m.Event == clientPrompt || m.Event == clientCancel) {
		c.command(ctx, m)
		return
	}
	from := s.member
	if u := c.signedIn(); from == "" && u != nil {
		from = u.ID
	}
	if len(m.Data) == 0 {
		m.Data = json.RawMessage("null")
	}
	err := c.t.g.Signal(ctx, c.app.Tenant, gateway.Signal{Channel: m.Channel, Name: m.Event, Data: m.Data, From: from, Session: c.session.ID()})
	if err != nil {
		r, _ := find(err)
		c.complain(r.code, explain(err))
		return
	}
	c.t.occ.ClientEvent(c.app, m.Channel, m.Event, dataText(m.Data), c.id, s.member)
}

// mayWhisper says why a client event may not be sent, or returns the
// subscription it is sent under.
func (c *conn) mayWhisper(m message) (s *sub, code int, why string) {
	c.mu.Lock()
	s = c.subs[m.Channel]
	c.mu.Unlock()
	switch {
	case c.app.AcceptClientEventsFrom == apps.FromNone:
		return nil, codeRate, "The app does not have client messaging enabled."
	case len(m.Event) > apps.MaxEventName:
		return nil, 0, fmt.Sprintf("Client event rejected - the name has %d bytes, at most %d are allowed", len(m.Event), apps.MaxEventName)
	case s == nil || s.pending:
		return nil, codeForbidden, "The client is not a member of the specified channel."
	case apps.IsEncrypted(m.Channel):
		return nil, codeForbidden, "Client event rejected - not supported on encrypted channels"
	case !c.grants.May(gateway.Publish, c.app.Tenant, m.Channel) || m.Channel[0] == '#':
		return nil, codeForbidden, "Client event rejected - only supported on private and presence channels"
	case len(m.Data) > c.app.MaxEvent:
		return nil, 0, fmt.Sprintf("Client event rejected - the data has %d bytes, at most %d are allowed", len(m.Data), c.app.MaxEvent)
	}
	now := time.Now().Unix()
	if now != c.second {
		c.second, c.events = now, 0
	}
	if c.events++; c.events > c.app.ClientEventRate {
		return nil, codeRate, fmt.Sprintf("Client event rejected - more than %d in a second", c.app.ClientEventRate)
	}
	return s, 0, ""
}

// command carries out client-prompt and client-cancel. What becomes of them
// comes as the events of their turn.
func (c *conn) command(ctx context.Context, m message) {
	var d struct {
		turn.Prompt
		Turn string `json:"turn"`
	}
	err := decodeData(m.Data, &d)
	if err == nil && m.Event == clientPrompt {
		d.Prompt.Message = cmp.Or(d.Prompt.Message, rand.Text())
		d.Prompt.User, d.Prompt.Supersedes = "", ""
		_, err = c.session.Prompt(ctx, m.Channel, d.Prompt, "")
	} else if err == nil {
		_, err = c.session.Cancel(ctx, m.Channel, d.Turn, d.Prompt.Message)
	}
	if err != nil {
		data := `{"event":"` + m.Event + `","message":` + quote(d.Prompt.Message) + `,"turn":` + quote(d.Turn) + `,"error":` + quote(explain(err)) + `}`
		c.onChannel(m.Channel, appendEvent(nil, promptRefused, m.Channel, data, ""))
	}
}
