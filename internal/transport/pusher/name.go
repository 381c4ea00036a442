package pusher

import "strings"

// Limits of names, in bytes, as Pusher documents them.
const (
	maxChannel = 164
	maxEvent   = 200
)

// Beginnings of channels' names, which say what a channel is.
const (
	private      = "private-"
	presenceName = "presence-"
	encrypted    = "private-encrypted-"
	serverToUser = "#server-to-user-"
)

// hiddenUser begins the channel on which it shows that a user is online. Like
// serverToUser it cannot be asked for.
const hiddenUser = "#user-"

// goodChannel reports whether clients and back ends may name ch.
func goodChannel(ch string) bool {
	if rest, ok := strings.CutPrefix(ch, serverToUser); ok {
		return rest != "" && len(ch) <= maxChannel
	}
	if ch == "" || len(ch) > maxChannel {
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

func isPresence(ch string) bool  { return strings.HasPrefix(ch, presenceName) }
func isEncrypted(ch string) bool { return strings.HasPrefix(ch, encrypted) }

// isPublic reports whether a subscription needs no proof.
func isPublic(ch string) bool {
	return !strings.HasPrefix(ch, private) && !isPresence(ch) && !strings.HasPrefix(ch, "#")
}

// isCache reports whether the channel keeps its last event for those who come.
func isCache(ch string) bool {
	for _, p := range []string{"cache-", "private-cache-", "private-encrypted-cache-", "presence-cache-"} {
		if strings.HasPrefix(ch, p) {
			return true
		}
	}
	return false
}

// goodSocket reports whether s looks like a socket id: two numbers and a dot.
func goodSocket(s string) bool {
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
