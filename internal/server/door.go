package server

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// door lets a request in, or says why not.
func (s *Server) door(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if why := s.refuse(r); why != "" {
			http.Error(w, why, http.StatusForbidden)
			return
		}
		if !s.origin(w, r) {
			http.Error(w, "pages of "+r.Header.Get("Origin")+" may not connect here: allow them with --allow-origin", http.StatusForbidden)
			return
		}
		if r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		h := w.Header()
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		s.limitBody(w, r)
		next.ServeHTTP(w, r)
	})
}

// refuse says why a request may not come in at all.
func (s *Server) refuse(r *http.Request) string {
	if s.opts.Local {
		if host, _, err := net.SplitHostPort(r.Host); err == nil && !loopbackHost(host) || err != nil && !loopbackHost(r.Host) {
			return "this is a development server: it answers to localhost only"
		}
	}
	if r.TLS != nil {
		return ""
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return "unknown address"
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return "unknown address"
	}
	ip = ip.Unmap()
	if ip.IsLoopback() {
		return ""
	}
	for _, p := range s.opts.Proxies {
		if p.Contains(ip) {
			return ""
		}
	}
	return "plain HTTP from " + ip.String() + " is not served: use https, or name the proxy with --trusted-proxy"
}

// origin reports whether the page behind a request may be here, and tells its
// browser so. A request without an Origin comes from no foreign page.
func (s *Server) origin(w http.ResponseWriter, r *http.Request) bool {
	o := r.Header.Get("Origin")
	if o == "" {
		return true
	}
	if u, err := url.Parse(o); err == nil && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	if !slices.Contains(s.opts.Origins, o) && !slices.Contains(s.opts.Origins, "*") {
		return false
	}
	h := w.Header()
	h.Set("Access-Control-Allow-Origin", o)
	h.Add("Vary", "Origin")
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, DELETE")
	h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key, Karez-Session, Last-Event-ID, Traceparent, X-AI-SDK-Version")
	h.Set("Access-Control-Expose-Headers", "Retry-After, X-Workflow-Run-Id, X-Workflow-Stream-Tail-Index")
	h.Set("Access-Control-Max-Age", "600")
	return true
}
