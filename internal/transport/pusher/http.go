package pusher

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"time"
	"unicode/utf8"
)

// The fallback of pusher-js: a client chooses the name of its session, receives
// by one request after the other (xhr) or a long one (xhr_streaming), and sends
// by requests of their own (xhr_send).

// maxResponse is how many UTF-16 units of one streamed answer the client reads
// before it opens another. At that point it drops the rest unread, so nothing
// may follow the frame that passes this mark.
const maxResponse = 256 << 10

// writeTime is how long one write may take before its reader counts as gone.
const writeTime = 60 * time.Second

func (t *Transport) serveHTTP(w http.ResponseWriter, r *http.Request) {
	server, session, way := r.PathValue("server"), r.PathValue("session"), r.PathValue("way")
	if !goodSession.MatchString(server + "/" + session) {
		http.Error(w, "a session is named by a number below 1000 and 8 letters or digits", http.StatusBadRequest)
		return
	}
	name := r.PathValue("key") + "/" + server + "/" + session
	n, _ := strconv.ParseUint(r.URL.Query().Get("n"), 10, 64) // 0: the client does not count
	switch way {
	case "xhr_send":
		t.serveSend(w, r, name, n)
	case "xhr", "xhr_streaming":
		l, first := t.poll(r, name)
		if l == nil {
			http.Error(w, "the server is going down", http.StatusServiceUnavailable)
			return
		}
		l.order.arrived(n)
		l.serve(w, r, way == "xhr_streaming", first)
	default:
		http.NotFound(w, r)
	}
}

// goodSession is how clients name their sessions, and a little more.
var goodSession = regexp.MustCompile(`^[0-9]{1,3}/[0-9A-Za-z]{1,16}$`)

// poll returns the session of a receiving request, and whether it begins here.
func (t *Transport) poll(r *http.Request, name string) (l *httpLine, first bool) {
	t.mu.Lock()
	l = t.polls[name]
	t.mu.Unlock()
	if l != nil {
		return l, false
	}
	if t.ctx.Err() != nil {
		return nil, false
	}
	l = newHTTPLine(t, name)
	app, code, why := t.admit(r, r.PathValue("key"))
	if app == nil {
		_ = l.write([][]byte{appendError(nil, code, why)}) // takes everything at first
		l.close(code, why)
		return l, true
	}
	l.c = t.open(app, l, l.lastSeen)
	t.mu.Lock()
	t.polls[name] = l
	t.mu.Unlock()
	return l, true
}

// serveSend carries out what a client sends. Requests overtake each other on
// their way; they are brought back into order here.
func (t *Transport) serveSend(w http.ResponseWriter, r *http.Request, name string, n uint64) {
	t.mu.Lock()
	l := t.polls[name]
	t.mu.Unlock()
	if l == nil {
		http.Error(w, "unknown session: it has ended, or is on another node", http.StatusNotFound)
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 2*maxMessage))
	if err != nil {
		status := http.StatusBadRequest
		if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
			status = http.StatusRequestEntityTooLarge
		}
		http.Error(w, "read body: "+err.Error(), status)
		return
	}
	messages, err := decodeSend(body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	l.touch()
	l.order.wait(r.Context(), n)
	for _, m := range messages {
		l.c.receive([]byte(m))
	}
	l.order.arrived(n)
	w.Header().Set("Content-Type", "application/json")
	io.WriteString(w, "{}")
}

// decodeSend reads a body of xhr_send: an array of messages, each a string.
// None is a sign of life.
func decodeSend(p []byte) ([]string, error) {
	var messages []string
	if !utf8.Valid(p) || json.Unmarshal(p, &messages) != nil || messages == nil {
		return nil, errors.New("the body is not a JSON array of strings")
	}
	return messages, nil
}

// appendChunk appends a message as the fallback frames it.
func appendChunk(b, frame []byte) []byte {
	b = append(b, 'm')
	b = appendString(b, string(frame))
	return append(b, '\n')
}

// units is how long p is in JavaScript.
func units(p []byte) (n int) {
	for len(p) > 0 {
		r, size := utf8.DecodeRune(p)
		n++
		if r > 0xffff {
			n++
		}
		p = p[size:]
	}
	return n
}
