package pusher

import (
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"
)

// Names of the protocol's own events.
const (
	evEstablished = "pusher:connection_established"
	evError       = "pusher:error"
	evPing        = "pusher:ping"
	evPong        = "pusher:pong"
	evSubscribe   = "pusher:subscribe"
	evUnsubscribe = "pusher:unsubscribe"
	evSignin      = "pusher:signin"
	evSigninDone  = "pusher:signin_success"
	evSubError    = "pusher:subscription_error"
	evCacheMiss   = "pusher:cache_miss"
	evSubscribed  = "pusher_internal:subscription_succeeded"
	evCount       = "pusher_internal:subscription_count"
	evAdded       = "pusher_internal:member_added"
	evRemoved     = "pusher_internal:member_removed"
	evWatchlist   = "pusher_internal:watchlist_events"
)

// A message is what a client sends.
type message struct {
	Event   string          `json:"event"`
	Channel string          `json:"channel"`
	Data    json.RawMessage `json:"data"`
}

var errFormat = errors.New("invalid message format")

func decodeMessage(p []byte) (message, error) {
	var m message
	if !utf8.Valid(p) || json.Unmarshal(p, &m) != nil || m.Event == "" {
		return message{}, errFormat
	}
	return m, nil
}

// decodeData reads the data of a message: an object, or a string that holds
// one.
func decodeData(data json.RawMessage, v any) error {
	var s string
	if len(data) > 0 && data[0] == '"' {
		if json.Unmarshal(data, &s) != nil {
			return errFormat
		}
		data = json.RawMessage(s)
	}
	if json.Unmarshal(data, v) != nil {
		return errFormat
	}
	return nil
}

// dataText is an event's data as a string, which is how it travels to clients:
// a string as it is, other JSON as its text.
func dataText(data json.RawMessage) string {
	var s string
	if len(data) > 0 && data[0] == '"' && json.Unmarshal(data, &s) == nil {
		return s
	}
	return string(data)
}

// appendEvent appends the frame of an event on a channel. user is who sent it,
// on a presence channel.
func appendEvent(b []byte, event, ch, data, user string) []byte {
	b = append(b, `{"event":`...)
	b = appendString(b, event)
	if ch != "" {
		b = append(b, `,"channel":`...)
		b = appendString(b, ch)
	}
	b = append(b, `,"data":`...)
	b = appendString(b, data)
	if user != "" {
		b = append(b, `,"user_id":`...)
		b = appendString(b, user)
	}
	return append(b, '}')
}

// appendError appends an error's frame, whose data is an object. code 0: the
// protocol has none for it.
func appendError(b []byte, code int, text string) []byte {
	b = append(b, `{"event":"pusher:error","data":{"code":`...)
	if code == 0 {
		b = append(b, "null"...)
	} else {
		b = strconv.AppendInt(b, int64(code), 10)
	}
	b = append(b, `,"message":`...)
	b = appendString(b, text)
	return append(b, "}}"...)
}

const hexDigits = "0123456789abcdef"

// appendString appends s as a JSON string; what is not UTF-8 becomes U+FFFD.
// Unlike encoding/json it leaves < > & alone: events are counted in bytes.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	from := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			if c < ' ' || c == '"' || c == '\\' {
				b = append(b, s[from:i]...)
				b = appendEscape(b, c)
				from = i + 1
			}
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && n == 1 {
			b = append(append(b, s[from:i]...), "\uFFFD"...)
			from = i + 1
		}
		i += n
	}
	return append(append(b, s[from:]...), '"')
}

func appendEscape(b []byte, c byte) []byte {
	switch c {
	case '"', '\\':
		return append(b, '\\', c)
	case '\n':
		return append(b, `\n`...)
	case '\r':
		return append(b, `\r`...)
	case '\t':
		return append(b, `\t`...)
	}
	return append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
}

// escaped is how many bytes appendString makes of the character that s begins
// with, and how many of s that is.
func escaped(s string) (out, in int) {
	switch c := s[0]; {
	case c == '"' || c == '\\' || c == '\n' || c == '\r' || c == '\t':
		return 2, 1
	case c < ' ':
		return 6, 1
	case c < utf8.RuneSelf:
		return 1, 1
	}
	r, n := utf8.DecodeRuneInString(s)
	if r == utf8.RuneError && n == 1 {
		return 3, 1
	}
	return n, n
}
