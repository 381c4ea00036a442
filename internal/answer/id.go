package answer

import (
	"encoding/base64"
	"strings"

	"github.com/karez/karez/turn"
)

// ID names a turn with its channel, for clients that come back with nothing
// else: prefix, the channel in base64url, a dot, the turn.
func ID(prefix, channel, name string) string {
	return prefix + base64.RawURLEncoding.EncodeToString([]byte(channel)) + "." + name
}

// ParseID is the inverse of ID; ok is false for what is none.
func ParseID(prefix, id string) (channel, name string, ok bool) {
	rest, ok := strings.CutPrefix(id, prefix)
	if !ok {
		return "", "", false
	}
	enc, name, ok := strings.Cut(rest, ".")
	p, err := base64.RawURLEncoding.DecodeString(enc)
	if !ok || err != nil || turn.CheckName(name) != nil || turn.CheckChannel(string(p)) != nil {
		return "", "", false
	}
	return string(p), name, true
}
