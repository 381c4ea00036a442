// Package socketio serves chat to unmodified Socket.IO clients at /socket.io/:
// the default namespace, over the gateway's sessions. It is an application of
// the public package of the same name, which does the protocol; here are the
// events that a chat needs, and recovery from the logs instead of from memory.
//
// Read viewer.go (one client) and offset.go (how it comes back), then codec.go,
// command.go, echo.go (Laravel Echo) and errors.go. docs/socketio.md is the
// reference for clients.
package socketio

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/json"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/socketio"
	"github.com/karez/karez/wire"
)

// Path is where clients connect unless they say otherwise.
const Path = "/socket.io/"

// commandTime bounds what one command may take at the broker.
const commandTime = 10 * time.Second

// closeTime bounds how long clients may take to say goodbye.
const closeTime = 2 * time.Second

// Options configure a Transport; the zero value works.
type Options struct {
	Server socketio.Options // of the protocol; KeepCutPolls is always on, for what a client has is known
	Log    *slog.Logger
}

// A Transport serves Socket.IO clients of one node.
type Transport struct {
	g    *gateway.Gateway // set once
	auth gateway.Authenticate
	srv  *socketio.Server
	log  *slog.Logger
}

// New returns a transport over g. Close ends what it started.
func New(g *gateway.Gateway, auth gateway.Authenticate, o Options) *Transport {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	o.Server.KeepCutPolls = true
	if o.Server.Log == nil {
		o.Server.Log = o.Log
	}
	t := &Transport{g: g, auth: auth, srv: socketio.NewServer(o.Server), log: o.Log}
	ns := t.srv.Of("/")
	ns.OnConnect(t.connect)
	for name, run := range commands {
		ns.On(name, func(s *socketio.Socket, e *socketio.Event) { t.serve(s, e, name, run) })
	}
	ns.On("voice", t.voice)
	return t
}

// Register adds the transport's route to mux.
func (t *Transport) Register(mux *http.ServeMux) { mux.Handle(Path, t.srv) }

// Close ends whatever connections are left. Sessions end with the gateway:
// close that first.
func (t *Transport) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	if err := t.srv.Close(ctx); err != nil {
		t.log.Warn("close connections", "err", err)
	}
}

// hello is what a client sends to connect.
type hello struct {
	Token   string `json:"token"`
	PID     string `json:"pid"`
	Offset  string `json:"offset"`
	Headers struct {
		Authorization string `json:"Authorization"` // as Laravel Echo has it
	} `json:"headers"`
}

// connect lets a client in: anew, or where it was.
func (t *Transport) connect(s *socketio.Socket) error {
	ctx, cancel := context.WithTimeout(s.Context(), commandTime)
	defer cancel()
	h, who, err := t.identify(ctx, s.Handshake())
	if err != nil {
		return t.refuse(s, err)
	}
	v := &viewer{t: t, s: s, logs: make(map[uint32]*logState)}
	session, err := t.g.Open(v, who)
	if err != nil {
		return t.refuse(s, err)
	}
	v.session = session
	s.Data.Store(viewerKey{}, v)
	s.OnDrain(session.Writable)
	s.OnDisconnect(func(string) { session.Close(gateway.ErrClosed) })

	secret, ok := strings.CutSuffix(h.PID, proof(who, h.PID))
	back := ok && v.restore(ctx, secret, h.Offset)
	if !back {
		if h.PID != "" && ctx.Err() != nil {
			return t.refuse(s, ctx.Err())
		}
		secret = rand.Text()
		v.mu.Lock()
		v.key = key(secret)
		v.mu.Unlock()
	}
	s.Identify(tag("sid", who, secret)[:20], secret+tag("pid", who, secret)[:proofLen], back)
	return nil
}

// identify says whom a client speaks for: the token stands in its auth, or in
// the header of the request that it began with.
func (t *Transport) identify(ctx context.Context, hs socketio.Handshake) (h hello, who gateway.Identity, err error) {
	if json.Unmarshal(hs.Auth, &h) != nil {
		return h, who, errHello
	}
	if h.Token == "" {
		h.Token = strings.TrimPrefix(h.Headers.Authorization, "Bearer ")
	}
	if h.Token == "" {
		h.Token = auth.FromRequest(&http.Request{Header: hs.Header})
	}
	if h.Token == "" {
		return h, who, errTokenMissing
	}
	if len(h.Token) > wire.MaxToken {
		return h, who, errLongToken
	}
	who, err = t.auth(ctx, h.Token)
	return h, who, err
}

// refuse says why a client is not let in; one that should simply come back
// loses its connection instead.
func (t *Transport) refuse(s *socketio.Socket, err error) error {
	if passing(err) {
		s.Disconnect(true)
	}
	e := t.explain(err, "let client in")
	return &socketio.ConnectError{Message: e.Message, Data: e}
}

// A pid is a secret of its client and a proof that it was made for its user, so
// that nobody else comes back with it. It opens nothing: what a client that
// comes back may see is decided by its token.
const proofLen = 10

// proof returns the end that pid should have for who.
func proof(who gateway.Identity, pid string) string {
	if len(pid) != len(rand.Text())+proofLen {
		return "no pid"
	}
	return tag("pid", who, pid[:len(pid)-proofLen])[:proofLen]
}

// tag is a hash of a client's secret and user.
func tag(what string, who gateway.Identity, secret string) string {
	b, _ := json.Marshal([]string{what, who.App, who.User, secret}) // strings always encode
	sum := sha256.Sum256(b)
	return base32.StdEncoding.EncodeToString(sum[:])
}

// key is what the offsets of a secret begin with.
func key(secret string) string { return secret[:4] }
