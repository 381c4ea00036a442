package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/api"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/selftest"
	"github.com/karez/karez/internal/server"
	"github.com/karez/karez/internal/transport/aisdk"
	"github.com/karez/karez/internal/transport/native"
	"github.com/karez/karez/internal/transport/openai"
	"github.com/karez/karez/internal/transport/pusher"
	"github.com/karez/karez/internal/transport/socketio"
	"github.com/karez/karez/internal/turns"
)

type serveCmd struct {
	Broker   string `help:"Where logs and jobs live: redis://[user:password@]host:port/db or rediss://…" required:"" env:"KAREZ_BROKER" placeholder:"URL"`
	Node     string `help:"Name of this node, for operators; made up by default." env:"KAREZ_NODE"`
	Webhooks bool   `help:"Workers have a webhook: let them tell of turns that this node ends, too." env:"KAREZ_WEBHOOKS"`
	doorFlags
	keyFlags
	turnFlags
	pusherFlags
	Selftest bool `help:"Serve the application of public protocol suites in place of the Socket.IO chat (docs/socketio.md)."`
}

// doorFlags say where a gateway listens and whom it lets in.
type doorFlags struct {
	Listen       string         `help:"Address to listen on." default:"127.0.0.1:8080" env:"KAREZ_LISTEN"`
	TLSCert      string         `name:"tls-cert" help:"PEM file with the certificate chain." env:"KAREZ_TLS_CERT" placeholder:"FILE"`
	TLSKey       string         `name:"tls-key" help:"PEM file with its key." env:"KAREZ_TLS_KEY" placeholder:"FILE"`
	TrustedProxy []netip.Prefix `help:"Address range of proxies that end TLS and may speak plain HTTP to us." env:"KAREZ_TRUSTED_PROXY" placeholder:"CIDR"`
	AllowOrigin  []string       `help:"Origin of pages elsewhere that may connect." env:"KAREZ_ALLOW_ORIGIN" placeholder:"ORIGIN"`
}

// keyFlags say whose tokens are taken.
type keyFlags struct {
	JWTSecret string   `name:"jwt-secret" help:"Secret of HS256 tokens, at least 32 bytes." env:"KAREZ_JWT_SECRET"`
	JWTKey    []string `name:"jwt-key" help:"PEM file with a public key of RS256, ES256 or EdDSA tokens." env:"KAREZ_JWT_KEY" placeholder:"FILE"`
	Issuer    string   `help:"Issuer that tokens must name." env:"KAREZ_JWT_ISSUER"`
	Audience  string   `help:"Audience that tokens must name." env:"KAREZ_JWT_AUDIENCE"`
}

// turnFlags say what holds for turns where a channel says nothing.
type turnFlags struct {
	System    string        `help:"System prompt." env:"KAREZ_SYSTEM"`
	Policy    string        `help:"What a prompt does while a turn of its channel runs: ${enum}." enum:"queue,replace,reject,parallel" default:"queue" env:"KAREZ_POLICY"`
	Retention time.Duration `help:"How long a turn is kept after its last event." default:"720h" env:"KAREZ_RETENTION"`
}

func (c *serveCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := first(checkListen(c.Listen), c.turnFlags.check()); err != nil {
		return err
	}
	keys, err := c.keys()
	if err != nil {
		return err
	}
	if len(keys) == 0 {
		return fmt.Errorf("no key to check tokens with: give --jwt-secret or --jwt-key (karez token mints one)")
	}
	apps, err := c.pusherFlags.apps()
	if err != nil {
		return err
	}
	b, err := openBroker(ctx, c.Broker, c.Node, log)
	if err != nil {
		return err
	}
	defer closeBroker(b, log)
	o := c.turnFlags.options()
	o.Webhooks = c.Webhooks
	t := turns.New(b, o)
	n, err := newNode(t, nodeOptions{node: c.Node, door: c.doorFlags, auth: c.keyFlags.options(keys), pusher: apps, self: c.Selftest, log: log})
	if err != nil {
		return err
	}
	log.Info("serving", "url", n.server.URL(), "node", n.gateway.Node())
	return n.run(ctx)
}

// A node is a gateway with its transports and its door.
type node struct {
	gateway *gateway.Gateway
	server  *server.Server
	turns   *turns.Turns
	ends    []func() // of the transports, whose sessions end with the gateway
	log     *slog.Logger
}

type nodeOptions struct {
	node   string
	door   doorFlags
	local  bool // the dev server
	auth   auth.Options
	pusher []pusher.App
	guest  func(*http.Request) (token string) // for clients that bring none; nil: they are refused
	pages  func(*http.ServeMux)
	self   bool // serve the self-test application in place of the Socket.IO chat
	log    *slog.Logger
}

// newNode joins a node's parts, each of which knows only the one below it.
func newNode(t *turns.Turns, o nodeOptions) (*node, error) {
	verify, err := auth.New(o.auth)
	if err != nil {
		return nil, err
	}
	g, err := gateway.New(t, gateway.Options{Node: o.node, Log: o.log})
	if err != nil {
		return nil, err
	}
	who := identify(verify)
	n := &node{gateway: g, turns: t, log: o.log}
	mux := http.NewServeMux()
	nat := native.New(g, who, native.Options{Log: o.log})
	n.add(mux, nat, nat.Close)
	pus, err := pusher.New(g, pusher.Options{Apps: o.pusher, Log: o.log})
	if err != nil {
		n.close()
		return nil, err
	}
	n.add(mux, pus, pus.Close)
	if o.self {
		app := selftest.New(selftest.Options{Log: o.log})
		n.add(mux, app, func() { _ = app.Close(context.Background()) }) // it ends its connections, and has nothing else
	} else {
		sio := socketio.New(g, who, socketio.Options{Log: o.log})
		n.add(mux, sio, sio.Close)
	}
	guest := guests(who, o.guest)
	ai := aisdk.New(g, who, aisdk.Options{Anonymous: guest, Log: o.log})
	n.add(mux, ai, ai.Close)
	openai.New(g, who, openai.Options{Anonymous: guest, Log: o.log}).Register(mux)
	api.New(g, who, o.log).Register(mux)
	if o.pages != nil {
		o.pages(mux)
	}
	n.server, err = server.New(mux, server.Options{
		Addr: o.door.Listen, Cert: o.door.TLSCert, Key: o.door.TLSKey, Proxies: o.door.TrustedProxy,
		Origins: o.door.AllowOrigin, Local: o.local, Ready: t.Broker().Ping, Log: o.log,
	})
	if err != nil {
		n.close()
		return nil, err
	}
	return n, nil
}

// add lets a transport serve its routes, until end.
func (n *node) add(mux *http.ServeMux, t interface{ Register(*http.ServeMux) }, end func()) {
	t.Register(mux)
	n.ends = append(n.ends, end)
}

// close ends the sessions, then what carried them.
func (n *node) close() {
	n.gateway.Close()
	for _, end := range n.ends {
		end()
	}
}

// run serves until ctx ends: no new clients, the sessions closed, then the rest.
func (n *node) run(ctx context.Context) error {
	reaping := make(chan struct{})
	reap, stop := context.WithCancel(ctx)
	go func() {
		defer close(reaping)
		n.turns.Reap(reap, turns.ReapOptions{Name: n.gateway.Node(), Log: n.log})
	}()
	err := n.server.Run(ctx, n.gateway.Close)
	stop()
	<-reaping
	for _, end := range n.ends {
		end()
	}
	return err
}

// guests lets clients without a token in as whom guest says.
func guests(who gateway.Authenticate, guest func(*http.Request) string) func(*http.Request) (gateway.Identity, bool) {
	if guest == nil {
		return nil
	}
	return func(r *http.Request) (gateway.Identity, bool) {
		id, err := who(r.Context(), guest(r))
		return id, err == nil
	}
}

// identify makes of a token whom a session speaks for.
func identify(v *auth.Verifier) gateway.Authenticate {
	return func(_ context.Context, token string) (gateway.Identity, error) {
		g, err := v.Verify(token)
		if err != nil {
			return gateway.Identity{}, err
		}
		return gateway.Identity{App: g.App, User: g.User, Name: g.Name, Expires: g.Expires, Grants: grants{g}}, nil
	}
}

// grants fits auth's decision to what the gateway asks.
type grants struct{ *auth.Grants }

func (g grants) May(verb, app, channel string) bool {
	return g.Grants.May(auth.Verb(verb), app, channel)
}

func (f keyFlags) keys() ([]auth.Key, error) {
	var keys []auth.Key
	if f.JWTSecret != "" {
		k, err := auth.Secret([]byte(f.JWTSecret))
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	for _, file := range f.JWTKey {
		pem, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("read --jwt-key: %w", err)
		}
		k, err := auth.PublicKey(pem)
		if err != nil {
			return nil, fmt.Errorf("read --jwt-key %s: %w", file, err)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

func (f keyFlags) options(keys []auth.Key) auth.Options {
	return auth.Options{Keys: keys, Issuer: f.Issuer, Audience: f.Audience}
}

func closeBroker(b broker.Broker, log *slog.Logger) {
	if err := b.Close(); err != nil {
		log.Error("close broker", "err", err)
	}
}

// redacted is url without its password, for logs.
func redacted(url string) string {
	if i := strings.LastIndexByte(url, '@'); i > 0 {
		if j := strings.Index(url, "://"); j > 0 && j < i {
			return url[:j+3] + "…" + url[i:]
		}
	}
	return url
}
