package main

import (
	"fmt"
	"os"

	"github.com/karez/karez/internal/transport/pusher"
	"github.com/karez/karez/turn"
)

// pusherFlags say which apps speak the Pusher protocol, if any.
type pusherFlags struct {
	PusherApp  []string `name:"pusher-app" help:"App that Pusher and Reverb clients connect to." env:"KAREZ_PUSHER_APP" placeholder:"ID:KEY:SECRET"`
	PusherApps string   `name:"pusher-apps" help:"JSON file with such apps and all of their settings (docs/pusher.md)." env:"KAREZ_PUSHER_APPS" placeholder:"FILE"`
}

// devPusher is the id, key and secret of the development server's own app.
const devPusher = "karez-dev"

func (f pusherFlags) apps() ([]pusher.App, error) {
	var apps []pusher.App
	for _, s := range f.PusherApp {
		a, err := pusher.ParseApp(s)
		if err != nil {
			return nil, fmt.Errorf("read --pusher-app: %w", err)
		}
		apps = append(apps, a)
	}
	if f.PusherApps == "" {
		return apps, nil
	}
	p, err := os.ReadFile(f.PusherApps)
	if err != nil {
		return nil, fmt.Errorf("read --pusher-apps: %w", err)
	}
	more, err := pusher.ReadApps(p)
	return append(apps, more...), err
}

// devApps are the apps of the development server: one is always there, on the
// channels of its page.
func (f pusherFlags) devApps() ([]pusher.App, error) {
	apps, err := f.apps()
	dev := pusher.App{ID: devPusher, Key: devPusher, Secret: devPusher, Tenant: turn.DefaultApp, Prompts: true}
	return append(apps, dev), err
}
