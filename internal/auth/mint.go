package auth

import (
	"errors"
	"fmt"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims is what Mint puts into a token. User and Expires are required.
type Claims struct {
	User      string
	App       string // "": turn.DefaultApp
	Name      string
	Channels  map[string][]Verb // see the package's comment
	TokenID   string
	Issuer    string
	Audience  string
	IssuedAt  time.Time // zero: not said
	NotBefore time.Time // zero: at once
	Expires   time.Time
}

// Mint signs a token with key, which is a Secret or a PrivateKey. It refuses
// claims that Verify would refuse.
func Mint(key Key, c Claims) (string, error) {
	if key.sign == nil {
		return "", errors.New("mint token: a public key cannot sign; give a secret or a private key")
	}
	if c.Expires.IsZero() {
		return "", errors.New("mint token: Expires is required")
	}
	out := claims{App: c.App, Name: c.Name, Channels: c.Channels}
	out.Subject, out.ID, out.Issuer = c.User, c.TokenID, c.Issuer
	out.ExpiresAt = jwt.NewNumericDate(c.Expires)
	if !c.IssuedAt.IsZero() {
		out.IssuedAt = jwt.NewNumericDate(c.IssuedAt)
	}
	if !c.NotBefore.IsZero() {
		out.NotBefore = jwt.NewNumericDate(c.NotBefore)
	}
	if c.Audience != "" {
		out.Audience = jwt.ClaimStrings{c.Audience}
	}
	if _, err := out.grants(); err != nil {
		return "", fmt.Errorf("mint token: %w", err)
	}
	t := jwt.NewWithClaims(key.method, out)
	if key.ID != "" {
		t.Header["kid"] = key.ID
	}
	s, err := t.SignedString(key.sign)
	if err != nil {
		return "", fmt.Errorf("mint token: %w", err)
	}
	if len(s) > MaxToken {
		return "", fmt.Errorf("mint token: it has %d bytes, at most %d are taken; grant channels by a pattern such as room:*", len(s), MaxToken)
	}
	return s, nil
}
