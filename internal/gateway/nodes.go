package gateway

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"github.com/karez/karez/broker"
)

// nodesTopic is where every node hears what concerns sessions it may hold.
var nodesTopic = broker.Topic{Name: "nodes"}

// A nodeSignal travels on nodesTopic, or on an answer's own topic.
type nodeSignal struct {
	Op      string        `json:"op"` // send, kick, list; answer
	App     string        `json:"app,omitempty"`
	User    string        `json:"user,omitempty"`
	Session string        `json:"session,omitempty"`
	Signal  *Signal       `json:"signal,omitempty"`
	Reply   string        `json:"reply,omitempty"` // topic for answers
	Node    string        `json:"node,omitempty"`
	Found   int           `json:"found,omitempty"`
	List    []SessionInfo `json:"list,omitempty"`
	More    bool          `json:"more,omitempty"` // the node has more than it listed
}

// A SessionInfo describes a session to an operator.
type SessionInfo struct {
	Session  string    `json:"session"`
	Node     string    `json:"node"`
	App      string    `json:"app"`
	User     string    `json:"user"`
	Since    time.Time `json:"since"`
	Channels []string  `json:"channels,omitempty"`
}

// Bounds of one node's answer to a list: sessions, and about so many bytes.
const (
	maxListed      = 1000
	maxListedBytes = broker.MaxPayload / 2
)

// A Target names sessions: one by its id, or all of a user.
type Target struct {
	App     string
	User    string
	Session string
}

// Send gives sig to the target's sessions on any node. It returns how many of
// them answered within wait.
func (g *Gateway) Send(ctx context.Context, t Target, sig Signal, wait time.Duration) (int, error) {
	answers, err := g.ask(ctx, nodeSignal{Op: "send", App: t.App, User: t.User, Session: t.Session, Signal: &sig}, wait)
	return found(answers), err
}

// Kick closes the target's sessions on any node with ErrKicked.
func (g *Gateway) Kick(ctx context.Context, t Target, wait time.Duration) (int, error) {
	answers, err := g.ask(ctx, nodeSignal{Op: "kick", App: t.App, User: t.User, Session: t.Session}, wait)
	return found(answers), err
}

// List describes the target's sessions on any node that answers within wait;
// with only App set, all of the app, at most 1,000 of each node (more says so).
func (g *Gateway) List(ctx context.Context, t Target, wait time.Duration) (list []SessionInfo, more bool, err error) {
	answers, err := g.ask(ctx, nodeSignal{Op: "list", App: t.App, User: t.User, Session: t.Session}, wait)
	for _, a := range answers {
		list = append(list, a.List...)
		more = more || a.More
	}
	return list, more, err
}

func found(answers []nodeSignal) (n int) {
	for _, a := range answers {
		n += a.Found
	}
	return n
}

// ask publishes sig to all nodes and gathers what they answer within wait, or
// until the one session that sig names has been found.
func (g *Gateway) ask(ctx context.Context, sig nodeSignal, wait time.Duration) ([]nodeSignal, error) {
	sig.Reply = "answer:" + g.opts.Node + ":" + rand.Text()
	answers := make(chan nodeSignal, 256) // nodes beyond that are not counted
	stop, err := g.b.Subscribe(ctx, broker.Topic{Name: sig.Reply}, func(p []byte) {
		var a nodeSignal
		if json.Unmarshal(p, &a) == nil {
			select {
			case answers <- a:
			default:
			}
		}
	})
	if err != nil {
		return nil, err
	}
	defer stop()
	p, err := json.Marshal(sig)
	if err != nil {
		return nil, err
	}
	if len(p) > broker.MaxPayload {
		return nil, broker.ErrTooLarge
	}
	if err := g.b.Publish(ctx, nodesTopic, p); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	var out []nodeSignal
	for {
		select {
		case a := <-answers:
			out = append(out, a)
			if sig.Session != "" && a.Found > 0 {
				return out, nil
			}
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return out, nil
			}
			return out, ctx.Err()
		}
	}
}

// onNodeSignal carries out what another node asks. The broker calls it.
func (g *Gateway) onNodeSignal(p []byte) {
	var sig nodeSignal
	if json.Unmarshal(p, &sig) != nil {
		return
	}
	to := g.targets(Target{sig.App, sig.User, sig.Session})
	answer, size := nodeSignal{Op: "answer", Node: g.opts.Node, Found: len(to)}, 0
	for _, s := range to {
		switch sig.Op {
		case "send":
			if sig.Signal != nil {
				s.conn.Signal(*sig.Signal)
			}
		case "kick":
			g.spawn(func() { s.Close(ErrKicked) })
		case "list":
			if len(answer.List) == maxListed || size > maxListedBytes {
				answer.More = true
				break
			}
			info := s.info()
			size += info.size()
			answer.List = append(answer.List, info)
		}
	}
	if sig.Reply == "" {
		return
	}
	g.spawn(func() {
		p, err := json.Marshal(answer)
		if err == nil {
			err = g.b.Publish(g.ctx, broker.Topic{Name: sig.Reply}, p)
		}
		if err != nil && g.ctx.Err() == nil {
			g.log.Warn("answer node", "op", sig.Op, "err", err)
		}
	})
}

func (g *Gateway) targets(t Target) []*Session {
	g.mu.Lock()
	defer g.mu.Unlock()
	if t.Session != "" {
		if s := g.sessions[t.Session]; s != nil && s.Who().App == t.App {
			return []*Session{s}
		}
		return nil
	}
	var out []*Session
	for _, s := range g.sessions {
		if who := s.Who(); who.App == t.App && (t.User == "" || who.User == t.User) {
			out = append(out, s)
		}
	}
	return out
}

func (s *Session) info() SessionInfo {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := SessionInfo{Session: s.id, Node: s.g.opts.Node, App: s.who.App, User: s.who.User, Since: s.opened}
	for r := range s.rooms {
		i.Channels = append(i.Channels, r.channel)
	}
	return i
}

// size is about how many bytes i has as JSON.
func (i *SessionInfo) size() int {
	n := 200 + len(i.User)
	for _, ch := range i.Channels {
		n += len(ch) + 8
	}
	return n
}
