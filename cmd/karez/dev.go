package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/page"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/worker"
)

type devCmd struct {
	Listen string `help:"Address to listen on; loopback only." default:"127.0.0.1:8080" env:"KAREZ_LISTEN"`
	Data   string `help:"Folder for conversations." default:"karez-data" env:"KAREZ_DATA" placeholder:"DIR"`
	Broker string `help:"Use this broker instead of the folder." env:"KAREZ_BROKER" placeholder:"URL"`
	workFlags
	providerFlags
	turnFlags
	pusherFlags
}

// devTokenTTL is how long the page's token is valid; it is renewed by itself.
const devTokenTTL = time.Hour

func (c *devCmd) Run(ctx context.Context, log *slog.Logger) error {
	if err := first(checkLoopback(c.Listen), c.workFlags.check(), c.providerFlags.check(), c.turnFlags.check()); err != nil {
		return err
	}
	p, err := c.provider(log)
	if err != nil {
		return err
	}
	apps, err := c.devApps()
	if err != nil {
		return err
	}
	b, where, err := c.open(ctx, log)
	if err != nil {
		return err
	}
	defer closeBroker(b, log)
	o := c.turnFlags.options()
	o.Webhooks = c.WebhookURL != ""
	t := turns.New(b, o)
	key, err := auth.Secret([]byte(rand.Text() + rand.Text()))
	if err != nil {
		return err
	}
	n, err := newNode(t, nodeOptions{
		door: doorFlags{Listen: c.Listen}, local: true, auth: auth.Options{Keys: []auth.Key{key}}, pusher: apps, guest: devGuest(key), log: log,
		pages: func(mux *http.ServeMux) {
			mux.HandleFunc("GET /v1/dev/token", devToken(key))
			mux.Handle("/", page.Handler())
		},
	})
	if err != nil {
		return err
	}
	fmt.Printf("Karez is listening on %s\n  conversations: %s\n  answers: %s\n  stop with Ctrl-C\n", n.server.URL(), where, c.answers(p))

	wo := c.workFlags.options("dev", c.turnFlags, c.Quiet, log)
	wo.Drain = devDrain
	return workAndServe(ctx, worker.New(b, p, wo), n)
}

// devDrain is how long an answer may go on after Ctrl-C. What is not finished
// goes on after the next start.
const devDrain = time.Second

// workAndServe runs both until ctx ends. The worker drains first, while the
// gateway still shows what it writes.
func workAndServe(ctx context.Context, w *worker.Worker, n *node) error {
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	working, stop := context.WithCancel(ctx)
	defer stop()
	done := make(chan error, 1)
	go func() {
		done <- w.Run(working)
		end()
	}()
	err := n.run(serving)
	stop() // it may have failed by itself
	return errors.Join(err, <-done)
}

// open opens the data folder, or the broker given instead.
func (c *devCmd) open(ctx context.Context, log *slog.Logger) (broker.Broker, string, error) {
	if c.Broker != "" {
		b, err := openBroker(ctx, c.Broker, "dev", log)
		return b, redacted(c.Broker), err
	}
	dir, err := filepath.Abs(c.Data)
	if err != nil {
		return nil, "", err
	}
	b, err := openData(dir, log)
	return b, dir, err
}

// devToken gives the development page a token: each browser is a user of its
// own, who may do everything a chat needs on every channel.
func devToken(key auth.Key) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		user, ok := devUser(r)
		if !ok {
			user = rand.Text()
			http.SetCookie(w, &http.Cookie{Name: devCookie, Value: user, Path: "/", MaxAge: 365 * 24 * 3600, HttpOnly: true, SameSite: http.SameSiteStrictMode})
		}
		token, expires, err := mintDev(key, user)
		if err != nil {
			http.Error(w, "mint token: "+err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		json.NewEncoder(w).Encode(map[string]any{"token": token, "user": user, "expires": expires.UnixMilli()})
	}
}

// devGuest gives clients of other protocols, which bring no token, that of
// their browser's user, else of one whom all of them share.
func devGuest(key auth.Key) func(*http.Request) string {
	return func(r *http.Request) string {
		user, ok := devUser(r)
		if !ok {
			user = "dev"
		}
		token, _, _ := mintDev(key, user) // an empty one is refused
		return token
	}
}

func devUser(r *http.Request) (string, bool) {
	c, err := r.Cookie(devCookie)
	if err != nil || len(c.Value) != 26 {
		return "", false
	}
	return c.Value, true
}

func mintDev(key auth.Key, user string) (token string, expires time.Time, err error) {
	now := time.Now()
	claims := auth.Claims{User: user, Channels: map[string][]auth.Verb{"*": {"read", "prompt", "cancel", "publish", "presence"}}, IssuedAt: now, Expires: now.Add(devTokenTTL)}
	token, err = auth.Mint(key, claims)
	return token, claims.Expires, err
}
