package auth

import (
	"net/http"
	"strings"
)

// ProtocolPrefix begins the entry of Sec-WebSocket-Protocol by which a browser,
// which cannot set headers on a WebSocket, hands over its token:
//
//	new WebSocket(url, ["karez.v1.json", "karez.token." + token])
//
// It is never chosen as the subprotocol, so another one must stand beside it.
const ProtocolPrefix = "karez.token."

// FromRequest returns the token that r carries, or "": that of the header
// Authorization: Bearer, else that of Sec-WebSocket-Protocol. It is not checked.
func FromRequest(r *http.Request) string {
	if scheme, token, ok := strings.Cut(r.Header.Get("Authorization"), " "); ok && strings.EqualFold(scheme, "Bearer") {
		return strings.TrimSpace(token)
	}
	for _, line := range r.Header["Sec-Websocket-Protocol"] {
		for entry := range strings.SplitSeq(line, ",") {
			if token, ok := strings.CutPrefix(strings.TrimSpace(entry), ProtocolPrefix); ok {
				return token
			}
		}
	}
	return ""
}
