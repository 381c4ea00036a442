package auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

var testSecret = []byte("0123456789abcdef0123456789abcdef")

// rsaKey is made once: it takes long.
var rsaKey = sync.OnceValue(func() *rsa.PrivateKey {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return k
})

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func privatePEM(k any) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(k))})
}

func publicPEM(k crypto.PublicKey) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(k))})
}

// A pair is a key that signs and the file of its public half.
type pair struct {
	sign   Key
	public []byte // nil for a secret
}

func (p pair) check() Key {
	if p.public == nil {
		return p.sign
	}
	return must(PublicKey(p.public))
}

// pairs returns one pair for each algorithm.
func pairs() map[string]pair {
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	edPub, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic(err)
	}
	return map[string]pair{
		"HS256": {must(Secret(testSecret)), nil},
		"RS256": {must(PrivateKey(privatePEM(rsaKey()))), publicPEM(rsaKey().Public())},
		"ES256": {must(PrivateKey(privatePEM(ec))), publicPEM(ec.Public())},
		"EdDSA": {must(PrivateKey(privatePEM(ed))), publicPEM(edPub)},
	}
}

func goodClaims() Claims {
	now := time.Now()
	return Claims{User: "ada", Channels: map[string][]Verb{"chat:42": {Read, Prompt}}, IssuedAt: now, Expires: now.Add(time.Hour)}
}

// signed signs any claims with the test's secret, as a careless issuer might.
func signed(t testing.TB, m jwt.MapClaims, header map[string]any) string {
	t.Helper()
	tok := jwt.NewWithClaims(jwt.SigningMethodHS256, m)
	for k, v := range header {
		tok.Header[k] = v
	}
	return must(tok.SignedString(testSecret))
}

func verifier(t testing.TB, o Options) *Verifier {
	t.Helper()
	if o.Keys == nil {
		o.Keys = []Key{must(Secret(testSecret))}
	}
	v, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
