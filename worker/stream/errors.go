package stream

import (
	"bytes"
	"encoding/json"
	"html"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

// maxMessage bounds what of a server's own words is shown, in bytes.
const maxMessage = 300

// maxAfter bounds how long a server may ask us to wait.
const maxAfter = time.Hour

// statuses says what an HTTP status means; the first row that fits counts.
var statuses = []struct {
	from, to int
	code     string
	retry    bool
}{
	{300, 399, turn.CodeProviderRejected, false}, // a redirect that is not followed
	{401, 401, turn.CodeProviderAuth, false},
	{403, 403, turn.CodeProviderAuth, false},
	{408, 408, turn.CodeProviderDown, true},
	{425, 425, turn.CodeProviderDown, true},
	{429, 429, turn.CodeProviderLimited, true},
	{400, 499, turn.CodeProviderRejected, false},
	{500, 599, turn.CodeProviderDown, true}, // 529 is "overloaded"
}

// ofStatus looks a status up; what is in no row is none of HTTP's.
func ofStatus(status int) (code string, retry bool) {
	for _, s := range statuses {
		if s.from <= status && status <= s.to {
			return s.code, s.retry
		}
	}
	return turn.CodeProviderBroken, false
}

// names says which status the words in a server's error object stand for.
var names = map[string]int{
	"authentication_error": 401, "invalid_api_key": 401, "permission_error": 403, "permission_denied": 403,
	"invalid_request_error": 400, "context_length_exceeded": 400, "content_policy_violation": 400, "billing_error": 400,
	"model_not_found": 404, "not_found_error": 404, "request_too_large": 413, "invalid_prompt": 400,
	"rate_limit_error": 429, "rate_limit_exceeded": 429, "requests": 429, "tokens": 429, "insufficient_quota": 429,
	"overloaded_error": 529, "api_error": 500, "server_error": 500, "internal_error": 500, "timeout_error": 504,
}

// Refused makes the error of an HTTP answer that is not a success.
func (c *Client) Refused(status int, h http.Header, body []byte) error {
	e := &worker.ProviderError{Status: status, After: retryAfter(h)}
	e.Code, e.Retry = ofStatus(status)
	said, word := c.said(h, body)
	if word == "insufficient_quota" {
		e.Retry, e.After = false, 0
	}
	switch {
	case e.Code == turn.CodeProviderAuth: // what such a body says may quote the key
		e.Message = join(c.who+" refused the key ("+strconv.Itoa(status)+")", c.hint)
	case status/100 == 3:
		e.Message = c.who + " is somewhere else (" + strconv.Itoa(status) + "): give its final address"
	case status == 404 || status == 405:
		e.Message = join(c.who+" does not know this address or model ("+strconv.Itoa(status)+")", said)
	case status == 429:
		e.Message = join(c.who+" limits how much it is asked", said)
	case e.Code == turn.CodeProviderRejected:
		e.Message = join(c.who+" did not accept the request ("+strconv.Itoa(status)+")", said)
	default:
		e.Message = join(c.who+" answered with status "+strconv.Itoa(status), said)
	}
	return e
}

// Failed makes the error of an error object in the middle of a stream. Its
// shape is that of OpenAI and Anthropic, {"type","code","message"}, or a string.
func (c *Client) Failed(raw json.RawMessage) error {
	said, word, status := describe(raw)
	if status == 0 {
		status = names[word]
	}
	e := &worker.ProviderError{Code: turn.CodeProviderDown, Retry: true, Status: status}
	if status != 0 {
		e.Code, e.Retry = ofStatus(status)
	}
	if word == "insufficient_quota" {
		e.Retry = false
	}
	e.Message = c.who + " reported an error"
	switch {
	case e.Code == turn.CodeProviderAuth:
		e.Message = join(c.who+" refused the key", c.hint)
	case said != "":
		e.Message = join(e.Message, c.Scrub(said))
	case word != "":
		e.Message = join(e.Message, c.Scrub(word))
	}
	return e
}

func join(a, b string) string {
	if b == "" {
		return a
	}
	return a + ": " + b
}

// said returns what a body says, fit to be shown, and the word it has for it.
func (c *Client) said(h http.Header, body []byte) (text, word string) {
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return "", ""
	case looksHTML(h.Get("Content-Type"), body):
		return c.Scrub(title(body)), ""
	case body[0] == '{' || body[0] == '[':
		text, word, _ = describe(body)
		return c.Scrub(text), word
	}
	return c.Scrub(string(body)), ""
}

// describe reads the common shapes of an error: {"error":{…}}, {"error":"…"},
// {"message"}, {"detail"}, a string. status is a number given as its code.
func describe(raw json.RawMessage) (text, word string, status int) {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s, "", 0
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) == nil {
		if len(list) == 0 {
			return "", "", 0
		}
		return describe(list[0])
	}
	var o struct {
		Error, Message, Detail, Msg, Title, ErrorText, Description json.RawMessage
		Type, Code, Status                                         json.RawMessage
	}
	if json.Unmarshal(raw, &o) != nil {
		return "", "", 0
	}
	for _, code := range []json.RawMessage{o.Code, o.Type, o.Status} {
		var n int
		if json.Unmarshal(code, &n) == nil && n >= 300 && n <= 599 {
			status = n
		} else if w := ""; json.Unmarshal(code, &w) == nil && (word == "" || names[word] == 0 && names[w] != 0) {
			word = w
		}
	}
	for _, f := range []json.RawMessage{o.Error, o.Message, o.Detail, o.ErrorText, o.Msg, o.Description, o.Title} {
		if len(f) == 0 || string(f) == "null" {
			continue
		}
		t, w, st := describe(f)
		if t == "" && w == "" {
			continue
		}
		if word == "" || names[word] == 0 && w != "" {
			word = w
		}
		if status == 0 {
			status = st
		}
		return t, word, status
	}
	return "", word, status
}

var titleTag = regexp.MustCompile(`(?is)<(?:title|h1)[^>]*>(.*?)</`)

func title(body []byte) string {
	m := titleTag.FindSubmatch(body)
	if m == nil {
		return "a web page"
	}
	return "a web page, “" + strings.TrimSpace(html.UnescapeString(string(m[1]))) + "”"
}

func looksHTML(contentType string, body []byte) bool {
	head := strings.ToLower(string(body[:min(len(body), 64)]))
	return strings.Contains(contentType, "text/html") || strings.HasPrefix(head, "<!doctype") || strings.HasPrefix(head, "<html")
}

// Addresses and keys in a server's own words. Each is replaced.
var secrets = []struct {
	what *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`(?i)\b[a-z][a-z0-9+.-]*://[^\s"'<>)\]]+`), "[address]"},
	{regexp.MustCompile(`\[[0-9a-fA-F:.]*:[0-9a-fA-F:.]*\](:\d+)?`), "[address]"},
	{regexp.MustCompile(`\b\d{1,3}(\.\d{1,3}){3}(:\d+)?\b`), "[address]"},
	{regexp.MustCompile(`(?i)\blocalhost(:\d+)?\b`), "[address]"},
	{regexp.MustCompile(`(?i)\b[a-z][a-z0-9_.-]*:\d{2,5}\b`), "[address]"},
	{regexp.MustCompile(`(?i)\b(bearer|basic)\s+[a-z0-9+/=._~-]{6,}`), "[key]"},
	{regexp.MustCompile(`(?i)\b(sk|pk|rk|key)[-_][a-z0-9_*.-]{6,}`), "[key]"},
}

// hiding matches any of words, longer ones first. What is shorter than four
// bytes is no secret, and would be found in every sentence.
func hiding(words []string) *regexp.Regexp {
	var quoted []string
	for _, w := range words {
		if len(w) > 3 {
			quoted = append(quoted, regexp.QuoteMeta(w))
		}
	}
	if quoted == nil {
		return nil
	}
	slices.SortFunc(quoted, func(a, b string) int { return len(b) - len(a) })
	return regexp.MustCompile("(?i)" + strings.Join(quoted, "|"))
}

// Scrub makes a server's own words fit to be shown: one line of at most
// maxMessage bytes, without addresses and keys.
func (c *Client) Scrub(s string) string {
	s = Clip(strings.ToValidUTF8(s, "\uFFFD"), maxErrorBody)
	s = strings.Join(strings.FieldsFunc(s, func(r rune) bool { return unicode.IsSpace(r) || unicode.IsControl(r) }), " ")
	if c.hide != nil {
		s = c.hide.ReplaceAllString(s, "[hidden]")
	}
	for _, x := range secrets {
		s = x.what.ReplaceAllString(s, x.with)
	}
	if len(s) > maxMessage {
		s = Clip(s, maxMessage-utf8.RuneLen('…')) + "…"
	}
	return s
}

// retryAfter reads how long to wait: milliseconds as OpenAI says them, or
// Retry-After (RFC 9110, 10.2.3) in seconds or as a date.
func retryAfter(h http.Header) time.Duration {
	d := time.Duration(0)
	after := h.Get("Retry-After")
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms < 1e9 {
		d = time.Duration(ms * float64(time.Millisecond))
	} else if s, err := strconv.ParseFloat(after, 64); err == nil && s < 1e6 {
		d = time.Duration(s * float64(time.Second))
	} else if t, err := http.ParseTime(after); err == nil {
		d = time.Until(t)
	}
	return min(max(d, 0), maxAfter)
}
