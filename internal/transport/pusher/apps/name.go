package apps

import "strings"

// Limits of names, in bytes, as Pusher documents them.
const (
	MaxChannel   = 164
	MaxEventName = 200
)

// Beginnings of channels' names, which say what a channel is. ServerToUser is
// the channel of one user, who needs to have signed in.
const (
	private      = "private-"
	presence     = "presence-"
	encrypted    = "private-encrypted-"
	ServerToUser = "#server-to-user-"
)

// HiddenUser begins the channel on which it shows that a user is online. Like
// ServerToUser it cannot be asked for.
const HiddenUser = "#user-"

// GoodChannel reports whether clients and back ends may name ch.
func GoodChannel(ch string) bool {
	if rest, ok := strings.CutPrefix(ch, ServerToUser); ok {
		return rest != "" && len(ch) <= MaxChannel
	}
	if ch == "" || len(ch) > MaxChannel {
		return false
	}
	for i := 0; i < len(ch); i++ {
		if c := ch[i]; !alnum(c) && !strings.ContainsRune("_-=@,.;", rune(c)) {
			return false
		}
	}
	return true
}

func alnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

func IsPresence(ch string) bool  { return strings.HasPrefix(ch, presence) }
func IsEncrypted(ch string) bool { return strings.HasPrefix(ch, encrypted) }

// IsPublic reports whether a subscription needs no proof.
func IsPublic(ch string) bool {
	return !strings.HasPrefix(ch, private) && !IsPresence(ch) && !strings.HasPrefix(ch, "#")
}

// IsCache reports whether the channel keeps its last event for those who come.
func IsCache(ch string) bool {
	for _, p := range []string{"cache-", "private-cache-", "private-encrypted-cache-", "presence-cache-"} {
		if strings.HasPrefix(ch, p) {
			return true
		}
	}
	return false
}

// GoodSocket reports whether s looks like a socket id: two numbers and a dot.
func GoodSocket(s string) bool {
	a, b, ok := strings.Cut(s, ".")
	return ok && digits(a) && digits(b)
}

func digits(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != "" && len(s) <= 20
}

// Clip shortens a name that somebody made up, to be told back.
func Clip(s string) string {
	if len(s) > MaxChannel {
		return s[:MaxChannel]
	}
	return s
}

// Except is what stands in a signal's Session for the socket that shall not get
// an event.
func Except(socket string) string { return "pusher:" + socket }
