package redisbroker

import (
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/broker/redisbroker/redistest"
)

func TestAddress(t *testing.T) {
	for raw, want := range map[string]string{
		"redis://host":                     "host:6379",
		"redis://u:p%40@host:1234/2":       "host:1234",
		"rediss://host/":                   "host:6379",
		"redis://[::1]:7":                  "[::1]:7",
		"redis://:pw@10.0.0.1":             "10.0.0.1:6379",
		"http://host":                      "!redis://",
		"redis://":                         "!no host",
		"redis://host/two":                 "!database number",
		"redis://host:6379/0?x=1":          "!nothing after",
		"redis://u:secret\x7f@host:6379/0": "!cannot be read",
		"redis://:se#cret@host":            "!",
	} {
		o, addr, err := address(raw)
		if bad, ok := strings.CutPrefix(want, "!"); ok {
			if err == nil || !strings.Contains(err.Error(), bad) || strings.Contains(err.Error(), "cret") {
				t.Errorf("%q: %v, want an error with %q and no password", raw, err, bad)
			}
			continue
		}
		if err != nil || addr != want || (o.TLSConfig != nil) != strings.HasPrefix(raw, "rediss") {
			t.Errorf("%q: %q, %v", raw, addr, err)
		}
	}
	o, _, err := address("redis://u:p%40@host:1234/2")
	if err != nil || o.Username != "u" || o.Password != "p@" || o.SelectDB != 2 {
		t.Errorf("%+v, %v", o, err)
	}
}

func TestCheckServer(t *testing.T) {
	for info, want := range map[string]string{
		"# Server\r\nredis_version:7.0.15\r\nredis_mode:standalone\r\n": "",
		"redis_version:8.2.1\r\n": "",
		"redis_version:7.2.4\r\nserver_name:valkey\r\nvalkey_version:8.0.1\r\nserver_mode:standalone\r\n": "",
		"redis_version:6.2.14\r\n":      "Redis 6.2 is too old: Karez needs 7.0 or later",
		"redis_version:255.255.255\r\n": "",
		"":                              "unknown version",
		"redis_version:7.0.0\r\nredis_mode:cluster\r\n":  "cluster mode",
		"redis_version:7.2.4\r\nserver_mode:cluster\r\n": "cluster mode",
	} {
		err := checkServer(info)
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v, want %q", info, err, want)
		}
	}
}

func TestOpenErrors(t *testing.T) {
	s := redistest.Start(t, "--appendonly", "no", "--requirepass", "right", "--databases", "4")
	with := func(user, path string) string { return "redis://" + user + s.Addr() + path }
	for url, want := range map[string]string{
		with("", ""):               "wants a password",
		with(":wrong@", ""):        "refuses the user name or password",
		with("nobody:right@", ""):  "refuses the user name or password",
		with(":right@", "/9"):      "no database of that number",
		"redis://" + unused(t):     "no Redis at 127.0.0.1:",
		"rediss://" + unused(t):    "no Redis at 127.0.0.1:",
		"redis://:pw@" + unused(t): "no Redis at 127.0.0.1:",
	} {
		_, err := Open(t.Context(), url, Options{})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "pw@") {
			t.Errorf("%s: %v, want %q", url, err, want)
		}
		if down := strings.HasPrefix(want, "no Redis"); errors.Is(err, broker.ErrUnavailable) != down {
			t.Errorf("%s: %v", url, err)
		}
	}
	b, err := Open(t.Context(), with(":right@", "/3"), Options{Node: "n 1"})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	if out, err := b.c.Do(t.Context(), b.c.B().ClientGetname().Build()).ToString(); err != nil || out != "karez:n_1" {
		t.Error(out, err)
	}
}

// What listens and is no Redis, or speaks in another way, is told apart.
func TestOpenOfStrangers(t *testing.T) {
	s := redistest.Start(t, "--appendonly", "no")
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	secure := httptest.NewUnstartedServer(http.NotFoundHandler())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	defer secure.Close()
	for _, c := range []struct{ scheme, addr, want string }{
		{"rediss", s.Addr(), "is a Redis that does not speak TLS: write redis:// instead of rediss://"},
		{"redis", plain.Listener.Addr().String(), "is no Redis: mend --broker"},
		{"rediss", plain.Listener.Addr().String(), "is no Redis: mend --broker"},
		{"rediss", secure.Listener.Addr().String(), "has a certificate that is not trusted here"},
	} {
		_, err := Open(t.Context(), c.scheme+"://"+c.addr, Options{})
		if err == nil || !strings.Contains(err.Error(), "what listens at "+c.addr+" "+c.want) || errors.Is(err, broker.ErrUnavailable) {
			t.Errorf("%s at %s: %v, want %q", c.scheme, c.addr, err, c.want)
		}
	}
	// A Redis with TLS alerts, another program hangs up: both end the connection.
	if _, err := Open(t.Context(), "redis://"+secure.Listener.Addr().String(), Options{}); err == nil {
		t.Error("plain words were understood by TLS")
	}
	s.Freeze()
	defer s.Thaw()
	if _, err := Open(t.Context(), s.URL(), Options{}); !errors.Is(err, broker.ErrUnavailable) {
		t.Errorf("a Redis that is slow: %v", err)
	}
}

// unused returns an address at which nobody listens.
func unused(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
