// Package apps is what every part of the Pusher transport knows of an app: its
// settings, what may be a name, and what its secret signs. It is pure.
package apps

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/karez/karez/turn"
)

// An App is one Pusher application: a key for its clients, a secret for its
// back end. Its channels are those of one Karez app.
type App struct {
	ID     string `json:"id"` // a number or a word
	Key    string `json:"key"`
	Secret string `json:"secret"`
	Tenant string `json:"app,omitempty"` // the Karez app (turn.ID.App); "": as ID

	AcceptClientEventsFrom string   `json:"accept_client_events_from,omitempty"` // members, all, none; "": members
	Public                 []string `json:"public_channels,omitempty"`           // patterns of public channels that anybody may read; nil: every one
	Prompts                bool     `json:"prompts,omitempty"`                   // take client-prompt and client-cancel on channels proven by a signature
	HideTurns              bool     `json:"hide_turns,omitempty"`                // channels carry events alone
	SubscriptionCount      bool     `json:"subscription_count,omitempty"`        // tell subscribers how many they are
	Reverb                 bool     `json:"reverb,omitempty"`                    // where Reverb and Pusher differ, do as Reverb
	Disabled               bool     `json:"disabled,omitempty"`
	TLSOnly                bool     `json:"tls_only,omitempty"`

	MaxConnections  int `json:"max_connections,omitempty"`          // on one node; 0: no limit
	ClientEventRate int `json:"client_events_per_second,omitempty"` // of one connection; 0: DefaultClientEvents
	MaxEvent        int `json:"max_event_bytes,omitempty"`          // of an event's data; 0: DefaultMaxEvent
	ActivityTimeout int `json:"activity_timeout,omitempty"`         // seconds; 0: DefaultActivity
	CacheSeconds    int `json:"cache_seconds,omitempty"`            // a cache channel keeps its last event for so long; 0: DefaultCache

	Webhooks []Webhook `json:"webhooks,omitempty"`
}

// A Webhook is an address that hears of what happens on an app's channels.
type Webhook struct {
	URL    string   `json:"url"`
	Events []string `json:"events,omitempty"` // names of events; nil: all of them
	Prefix string   `json:"prefix,omitempty"` // only of channels whose name begins so
}

// Defaults of App. The activity timeout is announced to clients, who ping
// after so much silence: more saves traffic, less finds ghosts sooner.
const (
	DefaultMaxEvent     = 10 << 10
	DefaultActivity     = 30 // Pusher itself announces 120
	DefaultClientEvents = 10
	DefaultCache        = 30 * 60
)

// Who may send client events.
const (
	FromMembers = "members" // subscribers of private and presence channels
	FromAll     = "all"     // subscribers of public channels, too
	FromNone    = "none"
)

// Read reads the JSON of a file of settings: {"apps":[…]}.
func Read(p []byte) ([]App, error) {
	var file struct {
		Apps []App `json:"apps"`
	}
	if err := json.Unmarshal(p, &file); err != nil {
		return nil, fmt.Errorf("read Pusher apps: %w", err)
	}
	if len(file.Apps) == 0 {
		return nil, errors.New(`read Pusher apps: none found; write {"apps":[{"id":"…","key":"…","secret":"…"}]}`)
	}
	return file.Apps, nil
}

// Parse reads id:key:secret.
func Parse(s string) (App, error) {
	part := strings.Split(s, ":")
	if len(part) != 3 || part[0] == "" || part[1] == "" || part[2] == "" {
		return App{}, errors.New("a Pusher app is given as id:key:secret")
	}
	return App{ID: part[0], Key: part[1], Secret: part[2]}, nil
}

// Check fills in defaults and returns the first thing that is wrong.
func (a *App) Check() error {
	a.Tenant = cmp.Or(a.Tenant, a.ID)
	a.AcceptClientEventsFrom = cmp.Or(a.AcceptClientEventsFrom, FromMembers)
	a.ClientEventRate = cmp.Or(a.ClientEventRate, DefaultClientEvents)
	a.MaxEvent = cmp.Or(a.MaxEvent, DefaultMaxEvent)
	a.ActivityTimeout = cmp.Or(a.ActivityTimeout, DefaultActivity)
	a.CacheSeconds = cmp.Or(a.CacheSeconds, DefaultCache)
	switch {
	case a.ID == "" || a.Key == "" || a.Secret == "":
		return fmt.Errorf("pusher app %q: id, key and secret are needed", a.ID)
	case strings.ContainsAny(a.ID+a.Key, "/:?#"):
		return fmt.Errorf("pusher app %q: id and key stand in addresses, they may not contain / : ? #", a.ID)
	case a.MaxEvent < 1<<10 || a.MaxEvent > MaxMaxEvent:
		return fmt.Errorf("pusher app %q: max_event_bytes goes from 1024 to %d", a.ID, MaxMaxEvent)
	case a.ActivityTimeout < 1 || a.ClientEventRate < 0 || a.MaxConnections < 0 || a.CacheSeconds < 0:
		return fmt.Errorf("pusher app %q: a limit is negative", a.ID)
	}
	switch a.AcceptClientEventsFrom {
	case FromMembers, FromAll, FromNone:
	default:
		return fmt.Errorf("pusher app %q: accept_client_events_from %q is not one of members, all, none", a.ID, a.AcceptClientEventsFrom)
	}
	if err := turn.CheckApp(a.Tenant); err != nil {
		return fmt.Errorf("pusher app %q: give it an app of Karez: %w", a.ID, err)
	}
	for _, h := range a.Webhooks {
		u, err := url.Parse(h.URL)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return fmt.Errorf("pusher app %q: webhook url %q is not an http or https address", a.ID, h.URL)
		}
	}
	return nil
}

// MaxMaxEvent is the largest MaxEvent: it keeps an event, quoted twice, within a broker's signal.
const MaxMaxEvent = 256 << 10

// IsOpen reports whether anybody may read a public channel.
func (a *App) IsOpen(ch string) bool {
	if !IsPublic(ch) {
		return false
	}
	if a.Public == nil {
		return true
	}
	for _, p := range a.Public {
		if prefix, ok := strings.CutSuffix(p, "*"); ok && strings.HasPrefix(ch, prefix) || p == ch {
			return true
		}
	}
	return false
}

// Activity is ActivityTimeout.
func (a *App) Activity() time.Duration { return time.Duration(a.ActivityTimeout) * time.Second }
