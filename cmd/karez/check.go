package main

import (
	"cmp"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const year = 365 * 24 * time.Hour

// within returns an error that names the range in which a flag's value is not.
func within[T cmp.Ordered](flag string, v, least, most T) error {
	if v >= least && v <= most {
		return nil
	}
	return fmt.Errorf("--%s is %s: give one from %s to %s", flag, value(v), value(least), value(most))
}

func value(v any) string {
	d, ok := v.(time.Duration)
	if !ok {
		return fmt.Sprint(v)
	}
	s := d.String() // 1h0m0s
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// first returns the first error there is.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (f turnFlags) check() error { return within("retention", f.Retention, time.Minute, 10*year) }

func (f workFlags) check() error {
	return first(
		within("concurrency", f.Concurrency, 1, 10_000),
		within("lease", f.Lease, time.Second, 10*time.Minute),
		checkWebhook(f.WebhookURL),
	)
}

func (f providerFlags) check() error {
	return first(
		within("max-tokens", f.MaxTokens, 1, 10_000_000),
		within("provider-idle", f.Idle, time.Second, time.Hour),
		within("provider-quiet", f.Quiet, time.Second, 24*time.Hour),
	)
}

func checkWebhook(raw string) error {
	u, err := url.Parse(raw)
	if raw == "" || err == nil && u.Host != "" && (u.Scheme == "http" || u.Scheme == "https") {
		return nil
	}
	return fmt.Errorf("--webhook-url is no address: give one like https://app.example.com/karez") // it may hold a secret: not shown
}

// checkListen finds what is no host and port.
func checkListen(addr string) error {
	if _, err := strconv.ParseUint(addr, 10, 16); err == nil {
		return fmt.Errorf("--listen %s has no host: write --listen 127.0.0.1:%s", addr, addr)
	}
	_, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil {
		return fmt.Errorf("--listen %q is no host and port: write one like 127.0.0.1:8080", addr)
	}
	return nil
}

// checkLoopback refuses what the development server does not listen on.
func checkLoopback(addr string) error {
	if err := checkListen(addr); err != nil {
		return err
	}
	host, port, _ := net.SplitHostPort(addr) // checked
	if ip := net.ParseIP(host); strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback() {
		return nil
	}
	return fmt.Errorf("karez dev asks nobody for a token, so it listens on this machine alone and not on %s: write --listen 127.0.0.1:%s, or run karez serve for others", addr, port)
}
