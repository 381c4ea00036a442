package server

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/karez/karez/internal/socket"
)

const late = time.Minute

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// start runs a server on a free port until the test ends; stop ends it before.
func start(t *testing.T, mux *http.ServeMux, o Options) (s *Server, stop func()) {
	t.Helper()
	o.Addr, o.Log = "127.0.0.1:0", slog.New(slog.DiscardHandler)
	s, err := New(mux, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx, func() {}) }()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			stopped = true
			if err := <-done; err != nil {
				t.Errorf("run: %v", err)
			}
		}
	}
	t.Cleanup(stop)
	return s, stop
}

// certificate writes a certificate for localhost and its key.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	k := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		DNSNames: []string{"localhost"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der := must(x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k))
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	write(t, cert, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	write(t, key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(k))}))
	pool = x509.NewCertPool()
	pool.AddCert(must(x509.ParseCertificate(der)))
	return cert, key, pool
}

func write(t *testing.T, name string, p []byte) {
	t.Helper()
	if err := os.WriteFile(name, p, 0o600); err != nil {
		t.Fatal(err)
	}
}

// What an operator gets wrong is refused with a hint that says how to mend it.
func TestRefusedOptions(t *testing.T) {
	cert, key, _ := certificate(t)
	other, _, _ := certificate(t)
	taken := must(net.Listen("tcp", "127.0.0.1:0"))
	defer taken.Close()
	for name, c := range map[string]struct {
		o    Options
		says string
	}{
		"plain on every address": {Options{Addr: ":0"}, "--tls-cert"},
		"plain on a named one":   {Options{Addr: "192.0.2.1:0"}, "--trusted-proxy"},
		"no port":                {Options{Addr: "127.0.0.1", Cert: cert, Key: key}, "port"},
		"a certificate alone":    {Options{Addr: "127.0.0.1:0", Cert: cert}, "--tls-key"},
		"a key alone":            {Options{Addr: "127.0.0.1:0", Key: key}, "--tls-cert"},
		"files that are none":    {Options{Addr: "127.0.0.1:0", Cert: cert + "x", Key: key}, "PEM"},
		"another's key":          {Options{Addr: "127.0.0.1:0", Cert: other, Key: key}, "PEM"},
		"a port that is taken":   {Options{Addr: taken.Addr().String()}, "--listen"},
	} {
		if s, err := New(http.NewServeMux(), c.o); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
			if s != nil {
				s.ln.Close()
			}
		}
	}
}

// Who may come in: plain HTTP from this machine and from trusted proxies,
// anybody over TLS, and a development server under a loopback name alone.
func TestDoor(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		name, remote, host string
		tls                bool
		o                  Options
		ok                 bool
	}{
		{"loopback", "127.0.0.1:5", "karez.example", false, Options{}, true},
		{"loopback, IPv6", "[::1]:5", "karez.example", false, Options{}, true},
		{"loopback, mapped", "[::ffff:127.0.0.1]:5", "karez.example", false, Options{}, true},
		{"stranger", "192.0.2.7:5", "karez.example", false, Options{}, false},
		{"stranger beside a proxy", "192.0.2.7:5", "karez.example", false, Options{Proxies: proxies}, false},
		{"proxy", "10.1.2.3:5", "karez.example", false, Options{Proxies: proxies}, true},
		{"proxy, mapped", "[::ffff:10.1.2.3]:5", "karez.example", false, Options{Proxies: proxies}, true},
		{"proxy, IPv6", "[fd00::1]:5", "karez.example", false, Options{Proxies: proxies}, true},
		{"TLS", "192.0.2.7:5", "karez.example", true, Options{}, true},
		{"no address", "?", "karez.example", false, Options{}, false},
		{"dev", "127.0.0.1:5", "localhost:8080", false, Options{Local: true}, true},
		{"dev, by number", "127.0.0.1:5", "127.0.0.1:8080", false, Options{Local: true}, true},
		{"dev, IPv6", "127.0.0.1:5", "[::1]:8080", false, Options{Local: true}, true},
		{"dev, no port", "127.0.0.1:5", "localhost", false, Options{Local: true}, true},
		{"dev, rebound name", "127.0.0.1:5", "evil.example:8080", false, Options{Local: true}, false},
		{"dev, rebound name, no port", "127.0.0.1:5", "evil.example", false, Options{Local: true}, false},
		{"dev, a name that begins well", "127.0.0.1:5", "localhost.evil.example", false, Options{Local: true}, false},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		if c.tls {
			r.TLS = new(tls.ConnectionState)
		}
		w := httptest.NewRecorder()
		(&Server{opts: c.o}).door(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(w, r)
		if ok := w.Code == 200; ok != c.ok || !ok && w.Code != 403 {
			t.Errorf("%s: %d %s", c.name, w.Code, w.Body)
		}
		if c.ok && w.Header().Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: %v", c.name, w.Header())
		}
	}
}

// Pages of this host and of named origins may connect, and are told; others
// may not, not even to ask.
func TestOrigins(t *testing.T) {
	for _, c := range []struct {
		origin  string
		allowed []string
		ok      bool
		echo    string
	}{
		{"", nil, true, ""},
		{"https://karez.example", nil, true, ""},
		{"https://KAREZ.example", nil, true, ""},
		{"https://karez.example:8443", nil, false, ""},
		{"https://app.example", nil, false, ""},
		{"https://app.example", []string{"https://app.example"}, true, "https://app.example"},
		{"http://app.example", []string{"https://app.example"}, false, ""},
		{"https://app.example.evil", []string{"https://app.example"}, false, ""},
		{"null", nil, false, ""},
		{"null", []string{"*"}, true, "null"},
		{"https://any.example", []string{"*"}, true, "https://any.example"},
	} {
		for _, method := range []string{"GET", "OPTIONS"} {
			r := httptest.NewRequest(method, "/v1/command", nil)
			r.RemoteAddr, r.Host = "127.0.0.1:5", "karez.example"
			if c.origin != "" {
				r.Header.Set("Origin", c.origin)
			}
			if method == "OPTIONS" {
				r.Header.Set("Access-Control-Request-Method", "POST")
			}
			reached := false
			w := httptest.NewRecorder()
			(&Server{opts: Options{Origins: c.allowed}}).door(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached = true })).ServeHTTP(w, r)
			if ok := w.Code < 300; ok != c.ok || w.Header().Get("Access-Control-Allow-Origin") != c.echo || reached != (c.ok && method == "GET") {
				t.Errorf("%s from %q, allowed %v: %d %v", method, c.origin, c.allowed, w.Code, w.Header())
			}
			if c.echo != "" && (w.Header().Get("Vary") != "Origin" || !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization")) {
				t.Errorf("%q: %v", c.origin, w.Header())
			}
			if w.Header().Get("Access-Control-Allow-Credentials") != "" {
				t.Error("cookies are nobody's business here")
			}
		}
	}
}

// A header that is too large or too slow does not hold a place.
func TestHeaders(t *testing.T) {
	s, _ := start(t, http.NewServeMux(), Options{})
	if s.http.ReadHeaderTimeout != headerTime || s.http.IdleTimeout != idleTime {
		t.Error("a slow header is not bounded")
	}
	req := must(http.NewRequest("GET", s.URL()+"/livez", nil))
	req.Header.Set("X", strings.Repeat("x", 2*headerBytes))
	resp := must(http.DefaultClient.Do(req))
	resp.Body.Close()
	if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("%s", resp.Status)
	}
}

// One address speaks HTTP/2, HTTP/1.1 and WebSocket over TLS; each event of a
// stream comes at once over either.
func TestTLS(t *testing.T) {
	cert, key, pool := certificate(t)
	mux := http.NewServeMux()
	group := socket.NewGroup(socket.Options{})
	mux.HandleFunc("GET /ws", func(w http.ResponseWriter, r *http.Request) {
		if c, err := group.Upgrade(w, r); err == nil {
			c.Serve(&echo{c})
		}
	})
	more := make(chan struct{})
	mux.HandleFunc("GET /events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for range 2 {
			fmt.Fprint(w, "data: x\n\n")
			if err := http.NewResponseController(w).Flush(); err != nil {
				t.Error(err)
			}
			select {
			case <-more:
			case <-r.Context().Done():
			}
		}
	})
	s, stop := start(t, mux, Options{Cert: cert, Key: key})
	if !strings.HasPrefix(s.URL(), "https://localhost:") {
		t.Errorf("%s", s.URL())
	}
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		tr := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: proto == "HTTP/2.0"}
		resp, err := (&http.Client{Transport: tr}).Get(s.URL() + "/events")
		if err != nil {
			t.Fatal(err)
		}
		if resp.Proto != proto {
			t.Errorf("%s, want %s", resp.Proto, proto)
		}
		lines := bufio.NewScanner(resp.Body)
		for range 2 {
			if !lines.Scan() || lines.Text() != "data: x" || !lines.Scan() {
				t.Fatalf("%s: %q %v", proto, lines.Text(), lines.Err())
			}
			more <- struct{}{}
		}
		resp.Body.Close()
		tr.CloseIdleConnections()
	}
	ctx, cancel := context.WithTimeout(context.Background(), late)
	defer cancel()
	ws, _, err := websocket.Dial(ctx, s.URL()+"/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}}}})
	if err != nil {
		t.Fatal(err)
	}
	defer ws.CloseNow()
	if err := ws.Write(ctx, websocket.MessageText, []byte("hi")); err != nil {
		t.Fatal(err)
	}
	if _, p, err := ws.Read(ctx); err != nil || string(p) != "hi" {
		t.Errorf("%q %v", p, err)
	}
	if nc, err := tls.Dial("tcp", s.ln.Addr().String(), &tls.Config{RootCAs: pool, MaxVersion: tls.VersionTLS11}); err == nil {
		nc.Close()
		t.Error("TLS 1.1 is spoken")
	}
	stop()
	if err := group.Close(ctx); err != nil {
		t.Error(err)
	}
}

// echo says what it hears.
type echo struct{ c *socket.Conn }

func (e *echo) Message(p []byte, binary bool) { e.c.TryWrite(socket.Frame{Body: p, Binary: binary}) }
func (e *echo) Writable()                     {}
func (e *echo) Closed(error)                  {}

// A node that drains is not ready, lets a request under way finish, and takes
// no new ones.
func TestRunEnds(t *testing.T) {
	mux := http.NewServeMux()
	entered, leave := make(chan struct{}), make(chan struct{})
	mux.HandleFunc("GET /slow", func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		fmt.Fprint(w, "done")
	})
	s, err := New(mux, Options{Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	get := func(path string) (int, string) {
		resp, err := http.Get(s.URL() + path)
		if err != nil {
			return 0, err.Error()
		}
		defer resp.Body.Close()
		p, _ := io.ReadAll(resp.Body)
		return resp.StatusCode, string(p)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() {
		ran <- s.Run(ctx, func() {
			if code, p := get("/readyz"); code != 503 || !strings.Contains(p, "going down") {
				t.Errorf("ready while draining: %d %s", code, p)
			}
			if code, _ := get("/livez"); code != 200 {
				t.Errorf("not alive while draining: %d", code)
			}
			close(leave)
		})
	}()
	answer := make(chan string, 1)
	go func() {
		_, p := get("/slow")
		answer <- p
	}()
	<-entered
	cancel()
	if err := <-ran; err != nil {
		t.Errorf("run: %v", err)
	}
	if p := <-answer; p != "done" {
		t.Errorf("the request under way: %s", p)
	}
	if code, _ := get("/livez"); code != 0 {
		t.Errorf("still there: %d", code)
	}
}

// A listener that fails ends Run, which drains.
func TestRunFails(t *testing.T) {
	s := must(New(http.NewServeMux(), Options{Addr: "127.0.0.1:0"}))
	s.ln.Close()
	drained := false
	if err := s.Run(context.Background(), func() { drained = true }); err == nil || !drained {
		t.Errorf("%v, drained %v", err, drained)
	}
}

// What the broker says goes to the log, not to whoever asks.
func TestReady(t *testing.T) {
	var broken error
	s, _ := start(t, http.NewServeMux(), Options{Ready: func(context.Context) error { return broken }})
	for _, err := range []error{nil, errors.New("dial tcp 10.0.0.7:6379: refused")} {
		broken = err
		resp := must(http.Get(s.URL() + "/readyz"))
		p := must(io.ReadAll(resp.Body))
		resp.Body.Close()
		if want := map[bool]int{true: 200, false: 503}[err == nil]; resp.StatusCode != want || strings.Contains(string(p), "10.0.0.7") {
			t.Errorf("%v: %s %s", err, resp.Status, p)
		}
	}
}
