package httpio

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/karez/karez/internal/refusal"
	"github.com/karez/karez/wire"
)

// slow is a body that never ends, and a reader that takes nothing.
type slow struct {
	http.ResponseWriter
	r *http.Request
	c net.Conn
}

func (s slow) SetWriteDeadline(t time.Time) error { return s.c.SetWriteDeadline(t) }
func (s slow) Write(p []byte) (int, error)        { return s.c.Write(p) }
func (s slow) FlushError() error                  { return nil }

// over gives f a writer and a request over a connection whose other end does
// nothing, under fake time.
func over(t *testing.T, f func(slow, net.Conn)) {
	synctest.Test(t, func(t *testing.T) {
		a, b := net.Pipe()
		defer a.Close()
		defer b.Close()
		r := httptest.NewRequest("POST", "/", nil)
		r.Body = io.NopCloser(a)
		f(slow{httptest.NewRecorder(), r, a}, b)
	})
}

// A body that stands still until its time is over is refused, in words that
// name no address.
func TestBodyThatStandsStill(t *testing.T) {
	over(t, func(s slow, _ net.Conn) {
		if err := s.c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Fatal(err)
		}
		_, err := ReadBody(s, s.r, 100)
		if e := refusal.Explain(err); e.Code != wire.CodeUnavailable || strings.Contains(e.Message, "pipe") {
			t.Errorf("%+v", e)
		}
	})
}

// A reader that takes nothing counts as gone.
func TestReaderThatTakesNothing(t *testing.T) {
	over(t, func(s slow, _ net.Conn) {
		f := NewFlusher(s)
		f.Buf = append(f.Buf, "data: x\n\n"...)
		if err := f.Flush(); err == nil {
			t.Error("nothing was taken, and no error")
		}
		if err := WriteJSON(s, 200, []byte("{}")); err == nil {
			t.Error("nothing was taken, and no error")
		}
	})
}

// A body is bounded, and what is read of it is what was sent.
func TestReadBodyOverHTTP(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p, err := ReadBody(w, r, 10)
		status := 200
		if err != nil {
			e := refusal.Explain(err)
			status, p = e.Status(), []byte(e.Code)
		}
		if err := WriteJSON(w, status, p); err != nil {
			t.Error(err)
		}
	}))
	defer srv.Close()
	for body, want := range map[string]string{"": "\n", "0123456789": "0123456789\n", "0123456789a": "too_large\n"} {
		req, err := http.NewRequestWithContext(context.Background(), "POST", srv.URL, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		resp, err := srv.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		p, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(p) != want {
			t.Errorf("%q: %q, %v", body, p, err)
		}
	}
}
