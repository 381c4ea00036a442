package server

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// A client that promises more than it sends is cut off, whether its request is
// refused or read; what comes after a whole body is not hurried.
func TestBodyLimit(t *testing.T) {
	whole := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("POST /refused", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusUnauthorized) })
	mux.HandleFunc("POST /read", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			http.Error(w, "cut", http.StatusBadRequest)
		}
	})
	mux.HandleFunc("POST /streams", func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			t.Error(err)
		}
		select {
		case <-whole:
		case <-r.Context().Done():
			t.Error("the answer was cut off")
		}
		fmt.Fprint(w, "done")
	})
	s, _ := start(t, mux, Options{Body: 50 * time.Millisecond})
	addr := s.ln.Addr().String()
	dial := func(path, body string, length int) net.Conn {
		nc := must(net.Dial("tcp", addr))
		t.Cleanup(func() { nc.Close() })
		if err := nc.SetDeadline(time.Now().Add(late)); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(nc, "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", path, length, body)
		return nc
	}
	streams := dial("/streams", "x", 1)
	for _, path := range []string{"/refused", "/read"} {
		if _, err := io.ReadAll(dial(path, "x", 100)); err != nil {
			t.Errorf("%s: the connection did not end: %v", path, err)
		}
	}
	close(whole) // by now the limit has passed for all three
	p := make([]byte, 12)
	if _, err := io.ReadFull(streams, p); err != nil || string(p) != "HTTP/1.1 200" {
		t.Errorf("%q, %v", p, err)
	}
}
