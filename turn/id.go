package turn

import (
	"crypto/sha256"
	"encoding/base32"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of the parts of an ID, in bytes.
const (
	MaxApp     = 64
	MaxChannel = 200
	MaxName    = 64
)

// DefaultApp is the app (tenant) of a deployment that has only one.
const DefaultApp = "app"

// Seq is the place of an event in its log: 1, 2, 3 with no holes. 0 stands
// before the first event.
type Seq uint64

// Epoch counts the tries at a turn. A later epoch fences all earlier ones.
// Epoch 0 belongs to producers without a lease: foreign programs, and the many
// writers of a timeline.
type Epoch uint64

// A LogKind says what a log is for.
type LogKind string

// The kinds of log. Only a turn has epochs and an end.
const (
	TurnLog     LogKind = "turn"
	TimelineLog LogKind = "timeline" // one per channel; its ID has no Name
	StreamLog   LogKind = "stream"   // a plain log that any back end writes
)

// An ID names one log. It carries its app and channel from the first day, so
// that whatever holds an ID can be checked, sharded and metered by them.
type ID struct {
	App     string
	Channel string
	Kind    LogKind
	Name    string
}

// NewID returns the ID of turn name of a channel.
func NewID(app, channel, name string) ID {
	return ID{App: app, Channel: channel, Kind: TurnLog, Name: name}
}

// Timeline returns the ID of a channel's timeline.
func Timeline(app, channel string) ID {
	return ID{App: app, Channel: channel, Kind: TimelineLog}
}

// NameFor returns the name of the turn that answers one message. It depends on
// nothing but its arguments, so a prompt sent twice is the same turn, on any
// node, and a message can be cancelled before its turn is known.
func NameFor(app, channel, user, message string) string {
	h := sha256.New()
	var n [8]byte
	for _, s := range []string{app, channel, user, message} {
		binary.BigEndian.PutUint64(n[:], uint64(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	sum := h.Sum(nil)
	return "t" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:15]))
}

// ErrBadID is wrapped by every error of Check. Caller: refuse the request.
var ErrBadID = errors.New("bad id")

// Check returns an error that wraps ErrBadID unless every part is within its
// limits and alphabet.
func (id ID) Check() error {
	if err := CheckApp(id.App); err != nil {
		return err
	}
	if err := CheckChannel(id.Channel); err != nil {
		return err
	}
	switch id.Kind {
	case TimelineLog:
		if id.Name != "" {
			return fmt.Errorf("%w: a timeline has no name, this one has %q", ErrBadID, clip(id.Name))
		}
		return nil
	case TurnLog, StreamLog:
		return CheckName(id.Name)
	}
	return fmt.Errorf("%w: unknown kind of log %q", ErrBadID, clip(string(id.Kind)))
}

// CheckApp accepts 1 to MaxApp letters, digits, '-', '_' and '.'.
func CheckApp(s string) error { return checkWord("app", s, MaxApp) }

// CheckName accepts 1 to MaxName letters, digits, '-', '_', '.' and ':'.
func CheckName(s string) error { return checkWord("turn", strings.ReplaceAll(s, ":", "_"), MaxName) }

// CheckChannel accepts 1 to MaxChannel bytes of valid UTF-8 without control
// characters or white space other than the plain space.
func CheckChannel(s string) error {
	if s == "" || len(s) > MaxChannel {
		return fmt.Errorf("%w: a channel name has 1 to %d bytes, this one has %d", ErrBadID, MaxChannel, len(s))
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: the channel name %q is not valid UTF-8", ErrBadID, clip(s))
	}
	for _, r := range s {
		if r != ' ' && (unicode.IsSpace(r) || unicode.IsControl(r)) {
			return fmt.Errorf("%w: the channel name %q contains %U", ErrBadID, clip(s), r)
		}
	}
	return nil
}

func checkWord(what, s string, limit int) error {
	if s == "" || len(s) > limit {
		return fmt.Errorf("%w: %s names have 1 to %d bytes, this one has %d", ErrBadID, what, limit, len(s))
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		if !alnum(c) && c != '-' && c != '_' && c != '.' {
			return fmt.Errorf("%w: the %s name %q contains %q; letters, digits, '-', '_' and '.' are allowed", ErrBadID, what, clip(s), c)
		}
	}
	return nil
}

func alnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// String returns app/channel/kind/name for logs and errors; a channel may
// contain a slash, so it is not parsed back.
func (id ID) String() string {
	s := id.App + "/" + id.Channel + "/" + string(id.Kind)
	if id.Name != "" {
		s += "/" + id.Name
	}
	return s
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
