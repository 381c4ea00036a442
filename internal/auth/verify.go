package auth

import (
	"errors"
	"fmt"
	"slices"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"github.com/karez/karez/turn"
)

// MaxToken is the largest token, in bytes.
const MaxToken = 16 << 10

// Options of a Verifier. Keys is required.
type Options struct {
	Keys     []Key
	Issuer   string // tokens must have this iss; "" takes any
	Audience string // tokens must have this among their aud; "" takes any
	// Leeway is how far the clocks of issuer and server may differ: 0 is
	// 30 s, negative none. A token is taken that much longer and earlier.
	Leeway time.Duration
}

const defaultLeeway = 30 * time.Second

// A Verifier checks tokens. It may be used concurrently.
type Verifier struct {
	keys   []Key
	parser *jwt.Parser
}

// New returns a Verifier, or an error if the keys are of no use.
func New(o Options) (*Verifier, error) {
	if len(o.Keys) == 0 {
		return nil, errors.New("no key to check tokens with")
	}
	algs := make([]string, 0, len(o.Keys))
	for i, k := range o.Keys {
		if k.method == nil {
			return nil, fmt.Errorf("key %d is empty: Secret or PublicKey makes one", i+1)
		}
		algs = append(algs, k.Alg())
	}
	if o.Leeway == 0 {
		o.Leeway = defaultLeeway
	}
	opts := []jwt.ParserOption{
		jwt.WithValidMethods(algs), jwt.WithStrictDecoding(),
		jwt.WithExpirationRequired(), jwt.WithIssuedAt(), jwt.WithLeeway(max(o.Leeway, 0)),
	}
	if o.Issuer != "" {
		opts = append(opts, jwt.WithIssuer(o.Issuer))
	}
	if o.Audience != "" {
		opts = append(opts, jwt.WithAudience(o.Audience))
	}
	return &Verifier{keys: slices.Clone(o.Keys), parser: jwt.NewParser(opts...)}, nil
}

// claims is what a token says.
type claims struct {
	jwt.RegisteredClaims
	App      string            `json:"app,omitempty"`
	Name     string            `json:"name,omitempty"`
	Channels map[string][]Verb `json:"channels,omitempty"`
}

// Verify checks a token and returns what it grants. The error is a *TokenError.
func (v *Verifier) Verify(token string) (*Grants, error) {
	if token == "" {
		return nil, bad("send it in the header Authorization: Bearer …", "there is no token")
	}
	if len(token) > MaxToken {
		return nil, bad("grant channels by a pattern such as room:* instead of one by one", "it has %d bytes, at most %d are taken", len(token), MaxToken)
	}
	var c claims
	if _, err := v.parser.ParseWithClaims(token, &c, v.pick); err != nil {
		return nil, explain(err, &c)
	}
	return c.grants()
}

// pick returns the keys that may have signed t: those of its algorithm, and of
// its name if it has one.
func (v *Verifier) pick(t *jwt.Token) (any, error) {
	if _, ok := t.Header["crit"]; ok { // RFC 7515, 4.1.11: it wants something that we do not know
		return nil, bad("mint it without the header crit", "its header crit asks for what is not known here")
	}
	kid, _ := t.Header["kid"].(string)
	var set jwt.VerificationKeySet
	for _, k := range v.keys {
		if k.method == t.Method && (kid == "" || k.ID == "" || k.ID == kid) {
			set.Keys = append(set.Keys, k.verify)
		}
	}
	if len(set.Keys) == 0 { // the algorithm has a key, the parser checked that
		return nil, bad("sign with a key that the server has, or drop the header kid", "no %s key here is called %q", t.Method.Alg(), clip(kid))
	}
	return set, nil
}

// explain says in our words what the library found wrong, the most telling
// thing first.
func explain(err error, c *claims) error {
	var te *TokenError
	switch {
	case errors.As(err, &te):
		return te
	case errors.Is(err, jwt.ErrTokenMalformed):
		return bad("a token has three parts of base64url with dots between them; was a part of it lost, or quotes added?", "it is not a JWT")
	case errors.Is(err, jwt.ErrTokenSignatureInvalid), errors.Is(err, jwt.ErrTokenUnverifiable):
		return bad("sign with the key and algorithm that the server is configured for", "no key here has signed it")
	case errors.Is(err, jwt.ErrTokenRequiredClaimMissing) && c.ExpiresAt == nil:
		return bad("add exp, in seconds since 1970; a quarter of an hour from now is usual", "it has no exp")
	case errors.Is(err, jwt.ErrTokenExpired):
		return &TokenError{ErrExpired, "it was valid until " + stamp(c.ExpiresAt), "get a fresh one; if it is fresh, compare the clocks"}
	case errors.Is(err, jwt.ErrTokenNotValidYet):
		return &TokenError{ErrNotYet, "it is valid from " + stamp(c.NotBefore), "wait, or compare the clocks"}
	case errors.Is(err, jwt.ErrTokenUsedBeforeIssued):
		return &TokenError{ErrNotYet, "it says that it was issued at " + stamp(c.IssuedAt), "compare the clocks"}
	case errors.Is(err, jwt.ErrTokenInvalidIssuer) || errors.Is(err, jwt.ErrTokenRequiredClaimMissing) && c.Issuer == "":
		return bad("set iss as the server is configured", "its issuer %q is not the one that is expected", clip(c.Issuer))
	case errors.Is(err, jwt.ErrTokenInvalidAudience), errors.Is(err, jwt.ErrTokenRequiredClaimMissing):
		return bad("set aud as the server is configured", "it was made for another audience")
	}
	return bad("mint it with karez token and compare", "its claims are not as they must be")
}

func stamp(d *jwt.NumericDate) string {
	if d == nil {
		return "?"
	}
	return d.UTC().Format(time.RFC3339)
}

// lastDate is the largest time that a claim may give; beyond it arithmetic with
// times goes wrong.
var lastDate = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)

// grants checks what the library does not know of.
func (c *claims) grants() (*Grants, error) {
	g := &Grants{App: c.App, User: c.Subject, Name: c.Name, TokenID: c.ID}
	if g.App == "" {
		g.App = turn.DefaultApp
	}
	if err := turn.CheckApp(g.App); err != nil {
		return nil, bad("", "the claim app: %v", err)
	}
	if g.User == "" {
		return nil, bad("set sub to the id of the user", "it has no sub")
	}
	for _, f := range []struct{ name, value string }{{"sub", g.User}, {"name", g.Name}, {"jti", g.TokenID}} {
		if err := plain(f.name, f.value); err != nil {
			return nil, err
		}
	}
	for _, d := range []*jwt.NumericDate{c.ExpiresAt, c.IssuedAt, c.NotBefore} {
		if d != nil && (d.After(lastDate) || d.Unix() < 0) {
			return nil, bad("times are in seconds since 1970, not in milliseconds", "it has a time outside the years 1970 to 9999")
		}
	}
	if c.ExpiresAt == nil {
		return nil, bad("add exp, in seconds since 1970; a quarter of an hour from now is usual", "it has no exp")
	}
	g.Expires = c.ExpiresAt.Time
	if c.IssuedAt != nil {
		g.IssuedAt = c.IssuedAt.Time
	}
	if err := g.allow(c.Channels); err != nil {
		return nil, err
	}
	return g, nil
}

func plain(name, s string) error {
	if len(s) > MaxUser {
		return bad("", "the claim %s has %d bytes, at most %d are taken", name, len(s), MaxUser)
	}
	if !utf8.ValidString(s) {
		return bad("", "the claim %s is not valid UTF-8", name)
	}
	for _, r := range s {
		if unicode.IsControl(r) {
			return bad("", "the claim %s contains the control character %U", name, r)
		}
	}
	return nil
}
