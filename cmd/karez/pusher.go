package main

import (
	"fmt"
	"os"

	"github.com/karez/karez/internal/transport/pusher/apps"
	"github.com/karez/karez/turn"
)

// pusherFlags say which apps speak the Pusher protocol, if any.
type pusherFlags struct {
	PusherApp  []string `name:"pusher-app" help:"App that Pusher and Reverb clients connect to." env:"KAREZ_PUSHER_APP" placeholder:"ID:KEY:SECRET"`
	PusherApps string   `name:"pusher-apps" help:"JSON file with such apps and all of their settings (docs/pusher.md)." env:"KAREZ_PUSHER_APPS" placeholder:"FILE"`
}

// devPusher is the id, key and secret of the development server's own app.
const devPusher = "karez-dev"

func (f pusherFlags) apps() ([]apps.App, error) {
	var list []apps.App
	for _, s := range f.PusherApp {
		a, err := apps.Parse(s)
		if err != nil {
			return nil, fmt.Errorf("read --pusher-app: %w", err)
		}
		list = append(list, a)
	}
	if f.PusherApps == "" {
		return list, nil
	}
	p, err := os.ReadFile(f.PusherApps)
	if err != nil {
		return nil, fmt.Errorf("read --pusher-apps: %w", err)
	}
	more, err := apps.Read(p)
	return append(list, more...), err
}

// devApps are the apps of the development server: one is always there, on the
// channels of its page.
func (f pusherFlags) devApps() ([]apps.App, error) {
	list, err := f.apps()
	dev := apps.App{ID: devPusher, Key: devPusher, Secret: devPusher, Tenant: turn.DefaultApp, Prompts: true}
	return append(list, dev), err
}
