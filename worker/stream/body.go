package stream

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

// Rejected is the error of a request that this provider cannot make.
func Rejected(message string) error {
	return &worker.ProviderError{Code: turn.CodeProviderRejected, Message: message}
}

// Body merges the request's parameters into body, which wins, and returns it
// as JSON. Parameters named in reserved are dropped: they would change who
// reads the answer, or how.
func Body(body map[string]any, params json.RawMessage, reserved ...string) ([]byte, error) {
	if p := bytes.TrimSpace(params); len(p) > 0 && string(p) != "null" {
		var extra map[string]json.RawMessage
		if err := json.Unmarshal(p, &extra); err != nil || extra == nil {
			return nil, Rejected("the model parameters are not a JSON object")
		}
		for _, k := range reserved {
			delete(extra, k)
		}
		for k, v := range extra {
			if _, set := body[k]; !set {
				body[k] = v
			}
		}
	}
	out, err := json.Marshal(body)
	if err != nil {
		return nil, Rejected("the request is not valid JSON")
	}
	return out, nil
}

// Has reports whether the parameters set key.
func Has(params json.RawMessage, key string) bool {
	var o map[string]json.RawMessage
	_ = json.Unmarshal(params, &o) // Body refuses what is no object
	_, ok := o[key]
	return ok
}

// Trace adds the W3C trace context to a header.
func Trace(h http.Header, traceparent string) {
	if traceparent != "" {
		h.Set("Traceparent", HeaderValue(traceparent))
	}
}

// HeaderValue makes any string fit for a header: what is not visible ASCII, and
// the percent sign, is percent-encoded.
func HeaderValue(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c > ' ' && c < 0x7f && c != '%' {
			b.WriteByte(c)
		} else {
			b.WriteString(string([]byte{'%', hex[c>>4], hex[c&15]}))
		}
	}
	return b.String()
}
