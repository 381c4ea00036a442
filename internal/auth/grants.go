package auth

import (
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/karez/karez/turn"
)

// A Verb is something that one may do on a channel.
type Verb = string

// The verbs.
const (
	Read     Verb = "read"     // follow the channel and its turns, read its history
	Prompt   Verb = "prompt"   // ask, regenerate, edit
	Cancel   Verb = "cancel"   // stop a turn, whoever asked for it
	Publish  Verb = "publish"  // put custom events on the timeline, send signals
	Presence Verb = "presence" // be seen and see who is there
	Manage   Verb = "manage"   // append to turns, settings, delete, export, kick
	All      Verb = "*"        // in a token: every verb
)

// Verbs returns every verb but All, in the order of their documentation.
func Verbs() []Verb { return []Verb{Read, Prompt, Cancel, Publish, Presence, Manage} }

// EveryChannel is the pattern that fits every channel, and the name by which
// May is asked about all of them at once.
const EveryChannel = "*"

// MaxUser is the largest user id, name to show and token id, in bytes.
const MaxUser = turn.MaxUser

// Grants is who a token speaks for and what they may do. It does not change.
type Grants struct {
	App      string
	User     string
	Name     string    // to show; may be empty
	TokenID  string    // the claim jti; may be empty
	IssuedAt time.Time // zero if the token does not say
	Expires  time.Time // zero: never

	exact    map[string]verbSet // by name of channel
	prefixes []prefixRule       // one for each pattern with a '*'
}

type verbSet uint16

type prefixRule struct {
	prefix string
	verbs  verbSet
}

// May reports whether v is allowed on a channel. The channel EveryChannel asks
// for all of the app's channels, which is what requests that belong to no
// channel need. May does not look at the clock: a session ends at Expires.
func (g *Grants) May(v Verb, app, channel string) bool {
	want := bit(v)
	if g == nil || want == 0 || app != g.App || channel == "" {
		return false
	}
	if g.exact[channel]&want != 0 {
		return true
	}
	for _, r := range g.prefixes {
		if r.verbs&want != 0 && strings.HasPrefix(channel, r.prefix) {
			return true
		}
	}
	return false
}

// bit returns the set of one verb; 0 for a word that is none.
func bit(v Verb) verbSet {
	switch v {
	case Read:
		return 1 << 0
	case Prompt:
		return 1 << 1
	case Cancel:
		return 1 << 2
	case Publish:
		return 1 << 3
	case Presence:
		return 1 << 4
	case Manage:
		return 1 << 5
	}
	return 0
}

const everyVerb verbSet = 1<<6 - 1

// allow sets what channels, a token's claim, gives. Its error is a *TokenError.
func (g *Grants) allow(channels map[string][]Verb) error {
	for _, pattern := range slices.Sorted(maps.Keys(channels)) { // so that the first error is always the same
		var set verbSet
		for _, v := range channels[pattern] {
			switch b := bit(v); {
			case v == All:
				set |= everyVerb
			case b != 0:
				set |= b
			default:
				return bad("the verbs are "+strings.Join(Verbs(), ", ")+" and *", "the claim channels gives the verb %q on %q", clip(v), clip(pattern))
			}
		}
		prefix, isPrefix := strings.CutSuffix(pattern, "*")
		if strings.Contains(prefix, "*") {
			return bad("a pattern is a channel's name, or the beginning of names and one * at its end", "the claim channels has the pattern %q", clip(pattern))
		}
		if !isPrefix || prefix != "" {
			if err := turn.CheckChannel(prefix); err != nil {
				return bad("a pattern is a channel's name, or the beginning of names and one * at its end", "the claim channels: %v", err)
			}
		}
		if isPrefix {
			g.prefixes = append(g.prefixes, prefixRule{prefix, set})
			continue
		}
		if g.exact == nil {
			g.exact = make(map[string]verbSet)
		}
		g.exact[pattern] = set
	}
	return nil
}
