package streamtest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker/stream"
)

// paced is a body that gives first, then beat every so often, until the request
// is given up. A beat of "" is silence.
type paced struct {
	ctx   context.Context
	first string
	beat  string
	every time.Duration
}

func (b *paced) Read(p []byte) (int, error) {
	if b.first == "" {
		select {
		case <-b.ctx.Done():
			return 0, b.ctx.Err()
		case <-time.After(b.every):
			b.first = b.beat
		}
	}
	n := copy(p, b.first)
	b.first = b.first[n:]
	return n, nil
}

func (b *paced) Close() error { return nil }

// silence of every kind is bounded, in fake time and with the default limits.
func silence(t *testing.T, good string, newProvider Make) {
	const forever = 1000 * time.Hour
	for _, x := range []struct {
		name  string
		slow  bool // no headers
		body  paced
		after time.Duration
		want  string
	}{
		{"no headers", true, paced{}, stream.DefaultIdle, "was silent for 1m0s"},
		{"nothing", false, paced{every: forever}, stream.DefaultIdle, "was silent for 1m0s"},
		{"nothing more", false, paced{first: good, every: forever}, stream.DefaultIdle, "was silent for 1m0s"},
		{"keep-alives alone", false, paced{first: good, beat: ": ping\n\n", every: 15 * time.Second}, stream.DefaultQuiet, "nothing to show for 5m0s"},
	} {
		t.Run(x.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					if x.slow {
						<-r.Context().Done()
						return nil, r.Context().Err()
					}
					body := x.body
					body.ctx = r.Context()
					return &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: &body, ContentLength: -1, Request: r}, nil
				})}
				began := time.Now()
				evs, reason, err := ask(t.Context(), newProvider(t, "http://model.test", c, Story{}))
				got := Show(nil, reason, err)
				if !strings.HasPrefix(got, "! "+turn.CodeProviderTimeout+", retry: ") || !strings.Contains(got, x.want) {
					t.Fatalf("got %s, want a timeout that says %q", got, x.want)
				}
				if took := time.Since(began); took < x.after || took > x.after+time.Minute {
					t.Fatalf("took %v, want %v", took, x.after)
				}
				if x.body.first != "" && len(evs) == 0 {
					t.Fatal("what arrived before was not emitted")
				}
			})
		})
	}
}

// cancels by the caller, and an emit that fails, close the connection, and
// their own error comes back.
func cancels(t *testing.T, good string, newProvider Make) {
	errOver := errors.New("the turn is over")
	for _, x := range []struct {
		name string
		emit bool // fails; else ctx is cancelled
	}{{"ctx", false}, {"emit", true}} {
		t.Run(x.name, func(t *testing.T) {
			gone := make(chan struct{})
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(gone)
				io.Copy(io.Discard, r.Body)
				w.Header().Set("Content-Type", "text/event-stream")
				for { // until the client has gone
					if _, err := io.WriteString(w, good); err != nil || r.Context().Err() != nil {
						return
					}
					w.(http.Flusher).Flush()
					select {
					case <-r.Context().Done():
					case <-time.After(time.Millisecond):
					}
				}
			}))
			defer srv.Close()
			ctx, cancel := context.WithCancelCause(context.Background())
			defer cancel(nil)
			n := 0
			_, err := newProvider(t, srv.URL, nil, Story{}).Stream(ctx, Request(), func(turn.Event) error {
				if n++; n > 1 {
					t.Error("emit was called after it had failed")
				}
				if x.emit {
					return errOver
				}
				n = 0
				cancel(errOver)
				return nil
			})
			if !errors.Is(err, errOver) {
				t.Fatalf("got %v, want the caller's own error", err)
			}
			select {
			case <-gone:
			case <-time.After(wait):
				t.Fatal("the server still has its connection")
			}
		})
	}
}

// endless is an event that never ends.
type endless struct{ sent int }

func (b *endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	if b.sent == 0 {
		copy(p, "data: ")
	}
	b.sent += len(p)
	return len(p), nil
}

func (b *endless) Close() error { return nil }

// oversized events end the answer before they fill the memory.
func oversized(t *testing.T, newProvider Make) {
	for _, media := range []string{"text/event-stream", "application/json"} {
		body := &endless{}
		if media != "text/event-stream" {
			body.sent = 1
		}
		c := &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			var b io.ReadCloser = body
			if body.sent == 1 {
				b = struct {
					io.Reader
					io.Closer
				}{io.MultiReader(strings.NewReader(`{"text":"`), body), body}
			}
			return &http.Response{StatusCode: 200, ProtoMajor: 1, ProtoMinor: 1, Header: http.Header{"Content-Type": {media}}, Body: b, ContentLength: -1, Request: r}, nil
		})}
		e := fails(t, newProvider(t, "http://model.test", c, Story{}), "")
		if e.Code != turn.CodeProviderBroken || !strings.Contains(e.Message, "too large") {
			t.Fatalf("%s: got %v, want an event that is too large", media, e)
		}
		if most := 3 * stream.MaxEvent; body.sent > most {
			t.Fatalf("%s: %d bytes were read, want at most %d", media, body.sent, most)
		}
	}
}
