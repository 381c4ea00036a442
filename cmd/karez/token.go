package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/karez/karez/internal/auth"
)

type tokenCmd struct {
	User      string        `arg:"" help:"Who the token speaks for."`
	App       string        `help:"App (tenant) of the token." default:"app"`
	Channel   []string      `help:"Channel or pattern and its verbs, such as chat:42=read,prompt,cancel; may be given several times." sep:"none" short:"c" placeholder:"NAME=VERBS"`
	Admin     bool          `help:"For a back end: every verb on every channel."`
	TTL       time.Duration `name:"ttl" help:"How long it is valid." default:"15m"`
	JWTSecret string        `name:"jwt-secret" help:"Secret of HS256 tokens, at least 32 bytes." env:"KAREZ_JWT_SECRET" required:""`
}

func (c *tokenCmd) Run() error {
	if err := within("ttl", c.TTL, time.Second, 10*year); err != nil {
		return err
	}
	key, err := auth.Secret([]byte(c.JWTSecret))
	if err != nil {
		return err
	}
	channels, err := grantsOf(c.Channel)
	if err != nil {
		return err
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

// grantsOf reads flags such as chat:42=read,prompt.
func grantsOf(flags []string) (map[string][]auth.Verb, error) {
	known := append(auth.Verbs(), auth.All)
	out := make(map[string][]auth.Verb, len(flags)+1)
	for _, f := range flags {
		at := strings.LastIndexByte(f, '=') // a name may have one
		if at < 1 || at == len(f)-1 {
			name := strings.Trim(f, "=")
			return nil, fmt.Errorf("--channel %s does not say what is allowed there: write --channel %s=read,prompt; the verbs are %s", f, name, strings.Join(known, ", "))
		}
		name := f[:at]
		for v := range strings.SplitSeq(f[at+1:], ",") {
			if !slices.Contains(known, v) {
				return nil, fmt.Errorf("--channel %s: there is no verb %q; the verbs are %s", f, v, strings.Join(known, ", "))
			}
			out[name] = append(out[name], v)
		}
	}
	return out, nil
}
