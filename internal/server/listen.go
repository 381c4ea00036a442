package server

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"github.com/karez/karez/internal/socket"
)

// listen opens the address, and refuses to speak plain HTTP where others could
// listen in.
func listen(o Options) (net.Listener, error) {
	if (o.Cert == "") != (o.Key == "") {
		return nil, errors.New("TLS needs both a certificate and a key: give --tls-cert and --tls-key")
	}
	if o.Cert == "" && len(o.Proxies) == 0 && !loopbackAddr(o.Addr) {
		return nil, fmt.Errorf("plain HTTP is served on loopback only, and %s is not: give --tls-cert and --tls-key, name the proxies that end TLS with --trusted-proxy, or listen on 127.0.0.1", o.Addr)
	}
	if o.Cert != "" { // before the address is taken; ServeTLS loads it again
		if _, err := tls.LoadX509KeyPair(o.Cert, o.Key); err != nil {
			return nil, fmt.Errorf("load TLS certificate: %w (--tls-cert and --tls-key name PEM files)", err)
		}
	}
	ln, err := net.Listen("tcp", o.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s is in use by another program: stop it, or choose another address with --listen", o.Addr)
	}
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	return socket.Listen(ln), nil
}

// loopbackAddr reports whether addr can be reached from this machine only.
func loopbackAddr(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	return loopbackHost(host)
}

func loopbackHost(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && ip.Unmap().IsLoopback()
}

// address is how a person reaches a listener.
func address(a net.Addr, secure bool) string {
	scheme := "http"
	if secure {
		scheme = "https"
	}
	host, port, err := net.SplitHostPort(a.String())
	if err != nil {
		return scheme + "://" + a.String()
	}
	if loopbackHost(host) {
		host = "localhost"
	}
	return scheme + "://" + net.JoinHostPort(host, port)
}
