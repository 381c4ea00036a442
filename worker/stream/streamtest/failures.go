package streamtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

// Failures holds a provider to its errors: of every refusal, of silence, of
// servers that are not there. good is the body of an answer that goes on (its
// end must be missing), as an event stream; it must emit something.
func Failures(t *testing.T, good string, newProvider Make) {
	t.Run("status", func(t *testing.T) { refusals(t, newProvider) })
	t.Run("redirect", func(t *testing.T) { redirects(t, good, newProvider) })
	t.Run("absent", func(t *testing.T) { absent(t, newProvider) })
	t.Run("silence", func(t *testing.T) { silence(t, good, newProvider) })
	t.Run("cancel", func(t *testing.T) { cancels(t, good, newProvider) })
	t.Run("oversized", func(t *testing.T) { oversized(t, newProvider) })
}

// A refusal is an HTTP answer that is not a success, and what it must become.
type refusal struct {
	name   string
	status int
	header map[string]string
	body   string
	want   worker.ProviderError // Message: what it contains
	hidden string               // what it must not contain
}

var refusalTable = []refusal{
	{"400 of OpenAI's shape", 400, nil, `{"error":{"message":"max_tokens is too large","type":"invalid_request_error","param":"max_tokens","code":null}}`,
		worker.ProviderError{Code: turn.CodeProviderRejected, Message: "max_tokens is too large"}, ""},
	{"401 that quotes the key", 401, nil, `{"error":{"message":"Incorrect API key provided: ` + Secret + `."}}`,
		worker.ProviderError{Code: turn.CodeProviderAuth, Message: "refused the key (401)"}, "Incorrect"},
	{"403", 403, nil, "forbidden", worker.ProviderError{Code: turn.CodeProviderAuth, Message: "(403)"}, ""},
	{"404 in HTML", 404, map[string]string{"Content-Type": "text/html"}, "<!DOCTYPE html><html><head><title>404: not &lt;here&gt;</title></head><body>" + strings.Repeat("x", 100<<10) + "</body></html>",
		worker.ProviderError{Code: turn.CodeProviderRejected, Message: "404: not <here>"}, "xxx"},
	{"408", 408, nil, "", worker.ProviderError{Code: turn.CodeProviderDown, Retry: true, Message: "408"}, ""},
	{"413", 413, nil, "", worker.ProviderError{Code: turn.CodeProviderRejected, Message: "(413)"}, ""},
	{"422 of FastAPI's shape", 422, nil, `{"detail":[{"loc":["body","messages"],"msg":"field required","type":"value_error.missing"}]}`,
		worker.ProviderError{Code: turn.CodeProviderRejected, Message: "field required"}, ""},
	{"429 in seconds", 429, map[string]string{"Retry-After": "7"}, `{"error":"slow down"}`,
		worker.ProviderError{Code: turn.CodeProviderLimited, Retry: true, After: 7 * time.Second, Message: "slow down"}, ""},
	{"429 in milliseconds", 429, map[string]string{"Retry-After": "1", "Retry-After-Ms": "250"}, "",
		worker.ProviderError{Code: turn.CodeProviderLimited, Retry: true, After: 250 * time.Millisecond, Message: "limits"}, ""},
	{"429 for ever", 429, map[string]string{"Retry-After": "999999"}, "",
		worker.ProviderError{Code: turn.CodeProviderLimited, Retry: true, After: time.Hour, Message: "limits"}, ""},
	{"429 with a broken Retry-After", 429, map[string]string{"Retry-After": "soon"}, "",
		worker.ProviderError{Code: turn.CodeProviderLimited, Retry: true, Message: "limits"}, ""},
	{"429 without credit", 429, map[string]string{"Retry-After": "7"}, `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}`,
		worker.ProviderError{Code: turn.CodeProviderLimited, Message: "quota"}, ""},
	{"500 that names addresses", 500, nil, `{"message":"dial tcp 10.0.0.3:9000: refused; see https://ops.corp/run?key=1 on db-1.internal:5432"}`,
		worker.ProviderError{Code: turn.CodeProviderDown, Retry: true, Message: "refused; see [address] on [address]"}, "10.0.0.3"},
	{"503", 503, map[string]string{"Retry-After": "2"}, "upstream connect error\r\n\tor disconnect",
		worker.ProviderError{Code: turn.CodeProviderDown, Retry: true, After: 2 * time.Second, Message: "upstream connect error or disconnect"}, ""},
	{"529 of Anthropic's shape", 529, nil, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`,
		worker.ProviderError{Code: turn.CodeProviderDown, Retry: true, Message: "Overloaded"}, ""},
	{"502 in binary", 502, nil, "\xff\xfe\x00\x01 bad gateway", worker.ProviderError{Code: turn.CodeProviderDown, Retry: true, Message: "bad gateway"}, ""},
}

func refusals(t *testing.T, newProvider Make) {
	for _, r := range refusalTable {
		t.Run(r.name, func(t *testing.T) {
			s := Story{Status: r.status, Header: http.Header{}, Body: []byte(r.body)}
			for k, v := range r.header {
				s.Header.Set(k, v)
			}
			base := serve(t, s, 16<<10)
			e := fails(t, newProvider(t, base, nil, Story{}), base)
			if e.Code != r.want.Code || e.Retry != r.want.Retry || e.Status != r.status || e.After != r.want.After || !strings.Contains(e.Message, r.want.Message) {
				t.Fatalf("got %+v\nwant %+v", *e, r.want)
			}
			if r.hidden != "" && strings.Contains(e.Message, r.hidden) {
				t.Fatalf("%q shows %q", e.Message, r.hidden)
			}
		})
	}
	t.Run("429 with a date", func(t *testing.T) {
		s := Story{Status: 429, Header: http.Header{"Retry-After": {time.Now().Add(30 * time.Minute).UTC().Format(http.TimeFormat)}}}
		e := fails(t, newProvider(t, serve(t, s, 1), nil, Story{}), "")
		if e.After < 20*time.Minute || e.After > 30*time.Minute {
			t.Fatalf("wait %v, want about 30m", e.After)
		}
	})
}

// fails asks p, which must fail with an error that gives nothing away.
func fails(t *testing.T, p worker.Provider, base string) *worker.ProviderError {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	evs, reason, err := ask(ctx, p)
	if err := Check(evs); err != nil {
		t.Fatal(err)
	}
	var e *worker.ProviderError
	if !errors.As(err, &e) || reason != "" {
		t.Fatalf("got %q, %v; want a *ProviderError", reason, err)
	}
	secrets := []string{Secret}
	if u, err := url.Parse(base); err == nil && u.Host != "" {
		secrets = append(secrets, u.Host, u.Port())
	}
	for _, s := range secrets {
		if s != "" && strings.Contains(e.Message, s) {
			t.Fatalf("the message shows %q: %s", s, e.Message)
		}
	}
	if strings.ContainsAny(e.Message, "\r\n") || len(e.Message) > 600 || e.Message == "" {
		t.Fatalf("the message is not fit to be shown: %q", e.Message)
	}
	return e
}

// redirects are followed within a host, and never take the key elsewhere.
func redirects(t *testing.T, good string, newProvider Make) {
	foreign := make(chan string, 8)
	other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { foreign <- r.URL.Path }))
	defer other.Close()
	for _, x := range []struct {
		name   string
		status int
		to     string // of the Location; other: the other server's
		want   string
	}{
		{"elsewhere on the host", 307, "/moved", turn.CodeProviderBroken}, // followed: good has no end
		{"another host", 308, "other", turn.CodeProviderRejected},
		{"as a GET", 302, "/moved", turn.CodeProviderRejected},
		{"for ever", 307, "/again", turn.CodeProviderRejected},
	} {
		t.Run(x.name, func(t *testing.T) {
			bodies := make(chan string, 8)
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				p, _ := io.ReadAll(r.Body) // a body that is cut is shorter, which is compared
				bodies <- r.Method + string(p)
				if r.URL.Path == "/moved" {
					w.Header().Set("Content-Type", "text/event-stream")
					io.WriteString(w, good)
					return
				}
				to := x.to
				if to == "other" {
					to = other.URL
				}
				w.Header().Set("Location", to)
				w.WriteHeader(x.status)
			}))
			defer srv.Close()
			if e := fails(t, newProvider(t, srv.URL, nil, Story{}), srv.URL); e.Code != x.want {
				t.Fatalf("got %v, want %s", e, x.want)
			}
			if x.want == turn.CodeProviderBroken {
				if first, second := <-bodies, <-bodies; first != second {
					t.Fatalf("sent on %q, want %q", second, first)
				}
			}
		})
	}
	if len(foreign) > 0 {
		t.Fatalf("another host was asked for %s", <-foreign)
	}
}

// absent servers are an error that may pass.
func absent(t *testing.T, newProvider Make) {
	srv := httptest.NewServer(http.NotFoundHandler())
	srv.Close()
	e := fails(t, newProvider(t, srv.URL, nil, Story{}), srv.URL)
	if e.Code != turn.CodeProviderDown || !e.Retry || !strings.Contains(e.Message, "refuses connections") {
		t.Fatalf("got %+v", *e)
	}
}
