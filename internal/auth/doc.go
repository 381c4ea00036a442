// Package auth says who a token speaks for and what they may do.
//
// A token is a JWT, signed with a secret that the server shares (HS256) or by
// the holder of a private key whose public half the server has (RS256, ES256,
// EdDSA). A Verifier turns it into Grants, and Grants.May is the one decision
// that every transport and every route takes. Beside the standard claims (sub
// is the user; exp is required; nbf, iat, jti, iss, aud) a token has
//
//	"app":      the tenant; turn.DefaultApp if absent
//	"name":     to show to people
//	"channels": {"chat:42": ["read", "prompt", "cancel"], "room:*": ["read"]}
//
// A key of channels is the name of a channel, or the beginning of names with
// one '*' at its end; "*" is every channel. Its value lists verbs; "*" is every
// verb. All entries that fit a channel count together: there is no entry that
// takes away what another gives. The verb manage on "*" is what a back end
// needs for the HTTP API; there is no other notion of an administrator.
//
// The package keeps no state and does no I/O: it neither reads files nor
// fetches keys, and what it decides depends on its arguments and the clock.
//
// Read grants.go, then verify.go and key.go; mint.go makes tokens.
package auth
