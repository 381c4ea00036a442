// Package rest is the API of Pusher for back ends, under /apps/{id}: they publish
// events, ask who is there, and close a user's connections. Each request is
// signed by the app's secret.
//
// Read rest.go, then trigger.go and channels.go.
package rest

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/karez/karez/internal/gateway"
	told "github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/internal/transport/pusher/apps"
	"github.com/karez/karez/internal/transport/pusher/occupancy"
)

// maxBody bounds the body of a request to the REST API, in bytes: a batch of
// the largest events, quoted.
const maxBody = 10*apps.MaxMaxEvent*2 + 64<<10

// maxSkew is how far a request's time may be from ours.
const maxSkew = 600 * time.Second

// An API serves the back ends of apps.
type API struct {
	g    *gateway.Gateway // set once
	occ  *occupancy.Occupancy
	apps map[string]*apps.App // by id
	log  *slog.Logger
}

// New returns the API of the apps in list, whose settings have been checked.
func New(g *gateway.Gateway, occ *occupancy.Occupancy, list []*apps.App, log *slog.Logger) *API {
	t := &API{g: g, occ: occ, apps: make(map[string]*apps.App), log: log}
	for _, a := range list {
		t.apps[a.ID] = a
	}
	return t
}

// A restError is told to the caller as it is.
type restError struct {
	status int
	text   string
}

func (e *restError) Error() string { return e.text }

func refusal(status int, format string, args ...any) error {
	return &restError{status, fmt.Sprintf(format, args...)}
}

// A call is one request to the REST API whose signature is right.
type call struct {
	*http.Request
	app   *apps.App
	query url.Values
	body  []byte
}

// Register adds the routes to mux.
func (t *API) Register(mux *http.ServeMux) {
	for pattern, h := range map[string]func(*call) (any, error){
		"POST /apps/{id}/events":                             t.trigger,
		"POST /apps/{id}/batch_events":                       t.triggerBatch,
		"GET /apps/{id}/channels":                            t.listChannels,
		"GET /apps/{id}/channels/{channel}":                  t.showChannel,
		"GET /apps/{id}/channels/{channel}/users":            t.listUsers,
		"POST /apps/{id}/users/{user}/terminate_connections": t.terminate,
		"GET /apps/{id}/connections":                         t.countConnections,
	} {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) { t.serveREST(w, r, h) })
	}
	mux.HandleFunc("GET /up", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, `{"health":"OK"}`)
	})
}

func (t *API) serveREST(w http.ResponseWriter, r *http.Request, h func(*call) (any, error)) {
	c, err := t.admitCall(w, r)
	var answer any
	if err == nil {
		answer, err = h(c)
	}
	if err != nil {
		status, text := t.explainREST(r, err)
		http.Error(w, text, status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	p, err := json.Marshal(answer)
	if err != nil {
		panic("pusher: encode answer: " + err.Error()) // maps of our own always encode
	}
	w.Write(p)
}

func (t *API) explainREST(r *http.Request, err error) (int, string) {
	if e := (*restError)(nil); errors.As(err, &e) {
		return e.status, e.text
	}
	e := told.Explain(err)
	e.Log(t.log, "answer request", "path", r.URL.Path)
	status, _ := statusOf(err)
	return status, e.Message
}

// admitCall checks who calls.
func (t *API) admitCall(w http.ResponseWriter, r *http.Request) (*call, error) {
	a := t.apps[r.PathValue("id")]
	if a == nil {
		return nil, refusal(http.StatusNotFound, "unknown app %q", apps.Clip(r.PathValue("id")))
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooBig := (*http.MaxBytesError)(nil); errors.As(err, &tooBig) {
		return nil, refusal(http.StatusRequestEntityTooLarge, "the body has more than %d bytes", tooBig.Limit)
	} else if err != nil {
		return nil, refusal(http.StatusBadRequest, "read body: %v", err)
	}
	q, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, refusal(http.StatusBadRequest, "the query cannot be read: %v", err)
	}
	if err := checkCall(a, r, q, body, time.Now()); err != nil {
		return nil, err
	}
	if a.Disabled {
		return nil, refusal(http.StatusForbidden, "the app is disabled")
	}
	return &call{r, a, q, body}, nil
}

// parseQuery is url.ParseQuery that lets semicolons stand, which are good in
// names of channels, and refuses a key that is given twice: it would be signed
// once.
func parseQuery(raw string) (url.Values, error) {
	q := make(url.Values)
	for pair := range strings.SplitSeq(raw, "&") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		if err != nil {
			return nil, err
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return nil, err
		}
		q[key] = append(q[key], value)
	}
	for key, values := range q {
		if len(values) > 1 && !strings.HasSuffix(key, "[]") {
			return nil, fmt.Errorf("the key %q is given twice", apps.Clip(key))
		}
	}
	return q, nil
}

// checkCall checks the signature of a request.
func checkCall(a *apps.App, r *http.Request, q url.Values, body []byte, now time.Time) error {
	if subtle.ConstantTimeCompare([]byte(q.Get("auth_key")), []byte(a.Key)) != 1 {
		return refusal(http.StatusUnauthorized, "auth_key is not the key of this app")
	}
	if v := q.Get("auth_version"); v != "1.0" {
		return refusal(http.StatusUnauthorized, "auth_version must be 1.0")
	}
	at, err := strconv.ParseInt(q.Get("auth_timestamp"), 10, 64)
	if err != nil {
		return refusal(http.StatusUnauthorized, "auth_timestamp is not a number of seconds")
	}
	if skew := now.Sub(time.Unix(at, 0)).Abs(); skew > maxSkew {
		return refusal(http.StatusUnauthorized, "auth_timestamp is %d seconds from the server's time, at most %d are allowed", int64(skew/time.Second), int64(maxSkew/time.Second))
	}
	if sum := md5.Sum(body); len(body) > 0 && !strings.EqualFold(q.Get("body_md5"), hex.EncodeToString(sum[:])) {
		return refusal(http.StatusUnauthorized, "body_md5 is not that of the body")
	}
	rest := "\n" + signedQuery(q)
	given := q.Get("auth_signature")
	// Clients sign the path as they wrote it, escaped or not.
	if !apps.Signed(a.Secret, r.Method+"\n"+r.URL.Path+rest, given) && !apps.Signed(a.Secret, r.Method+"\n"+r.URL.EscapedPath()+rest, given) {
		return refusal(http.StatusUnauthorized, "auth_signature is not the HMAC SHA256 hex digest of method, path and sorted query")
	}
	return nil
}

// signedQuery is the text of a query that is signed.
func signedQuery(q url.Values) string {
	pairs := make([][2]string, 0, len(q))
	for key, values := range q {
		if key == "auth_signature" {
			continue
		}
		pairs = append(pairs, [2]string{strings.ToLower(key), strings.Join(values, ",")})
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return strings.Compare(a[0], b[0]) })
	var b strings.Builder
	for i, p := range pairs {
		if i > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p[0] + "=" + p[1])
	}
	return b.String()
}

// decode reads a body of JSON.
func (c *call) decode(v any) error {
	if err := json.Unmarshal(c.body, v); err != nil {
		return refusal(http.StatusBadRequest, "the body is not the JSON that is wanted here: %v", err)
	}
	return nil
}

// info returns the attributes asked for, of those that there are.
func info(s string, known ...string) ([]string, error) {
	var out []string
	for word := range strings.SplitSeq(s, ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		if !slices.Contains(known, word) {
			return nil, refusal(http.StatusBadRequest, "info %q is not one of %s", apps.Clip(word), strings.Join(known, ", "))
		}
		out = append(out, word)
	}
	return out, nil
}
