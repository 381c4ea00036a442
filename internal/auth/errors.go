package auth

import (
	"errors"
	"fmt"
)

// The reasons why a token is not taken.
var (
	ErrExpired  = errors.New("token expired")       // caller: ask for a fresh token
	ErrNotYet   = errors.New("token not valid yet") // caller: say so; a clock is wrong, or the token was minted for later
	ErrBadToken = errors.New("bad token")           // caller: refuse, trying again is no use
)

// A TokenError says why Verify does not take a token. Reason and Hint are for
// the developer of the client; neither tells anything that the token's bearer
// does not know already. It wraps ErrExpired, ErrNotYet or ErrBadToken.
type TokenError struct {
	Err    error
	Reason string
	Hint   string
}

func (e *TokenError) Error() string { return e.Err.Error() + ": " + e.Reason }

func (e *TokenError) Unwrap() error { return e.Err }

func bad(hint, format string, args ...any) *TokenError {
	return &TokenError{Err: ErrBadToken, Reason: fmt.Sprintf(format, args...), Hint: hint}
}

// clip shortens what came from outside.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
