package main

import (
	"fmt"
	"time"

	"github.com/karez/karez/internal/auth"
)

type tokenCmd struct {
	User      string              `arg:"" help:"Who the token speaks for."`
	App       string              `help:"App (tenant) of the token." default:"app"`
	Channel   map[string][]string `help:"Channel or pattern and its verbs, such as chat:42=read,prompt,cancel; may be given several times." mapsep:";" short:"c" placeholder:"NAME=VERBS"`
	Admin     bool                `help:"For a back end: every verb on every channel."`
	TTL       time.Duration       `name:"ttl" help:"How long it is valid." default:"15m"`
	JWTSecret string              `name:"jwt-secret" help:"Secret of HS256 tokens, at least 32 bytes." env:"KAREZ_JWT_SECRET" required:""`
}

func (c *tokenCmd) Run() error {
	key, err := auth.Secret([]byte(c.JWTSecret))
	if err != nil {
		return err
	}
	channels := make(map[string][]auth.Verb, len(c.Channel)+1)
	for name, verbs := range c.Channel {
		for _, v := range verbs {
			channels[name] = append(channels[name], auth.Verb(v))
		}
	}
	if c.Admin {
		channels["*"] = []auth.Verb{"*"}
	}
	if len(channels) == 0 {
		return fmt.Errorf("the token would allow nothing: name a channel, such as --channel 'chat:42=read,prompt,cancel', or give --admin")
	}
	now := time.Now()
	token, err := auth.Mint(key, auth.Claims{User: c.User, App: c.App, Channels: channels, IssuedAt: now, Expires: now.Add(c.TTL)})
	if err != nil {
		return err
	}
	fmt.Println(token)
	return nil
}
