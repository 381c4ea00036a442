package auth

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	"time"
)

// Each kind of key signs a token that its public half takes.
func TestAlgorithms(t *testing.T) {
	for alg, p := range pairs() {
		check := p.check()
		if p.sign.Alg() != alg || check.Alg() != alg {
			t.Errorf("%s: Alg is %s and %s", alg, p.sign.Alg(), check.Alg())
		}
		token, err := Mint(p.sign, goodClaims())
		if err != nil {
			t.Fatal(err)
		}
		if g, err := verifier(t, Options{Keys: []Key{check}}).Verify(token); err != nil || g.User != "ada" {
			t.Errorf("%s: %v", alg, err)
		}
		if _, err := Mint(check, goodClaims()); (err != nil) != (p.public != nil) {
			t.Errorf("%s: minting with the key that checks: %v", alg, err)
		}
	}
}

// The other forms in which keys are handed around.
func TestKeyFiles(t *testing.T) {
	rsaPub := rsaKey().Public().(*rsa.PublicKey)
	ec := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	cert := must(x509.CreateCertificate(rand.Reader,
		&x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "issuer"}, NotAfter: time.Now().Add(time.Hour)},
		&x509.Certificate{}, ec.Public(), ec))
	for name, c := range map[string]struct {
		file []byte
		read func([]byte) (Key, error)
		alg  string
	}{
		"RSA PUBLIC KEY":  {block("RSA PUBLIC KEY", x509.MarshalPKCS1PublicKey(rsaPub)), PublicKey, "RS256"},
		"CERTIFICATE":     {block("CERTIFICATE", cert), PublicKey, "ES256"},
		"RSA PRIVATE KEY": {block("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(rsaKey())), PrivateKey, "RS256"},
		"EC PRIVATE KEY":  {block("EC PRIVATE KEY", must(x509.MarshalECPrivateKey(ec))), PrivateKey, "ES256"},
		"text around it":  {append([]byte("my key\n"), publicPEM(rsaPub)...), PublicKey, "RS256"},
	} {
		if k, err := c.read(c.file); err != nil || k.Alg() != c.alg {
			t.Errorf("%s: %s, %v", name, k.Alg(), err)
		}
	}
}

func block(typ string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: typ, Bytes: der})
}

// A key that is none is refused with a sentence that says what to do.
func TestBadKeys(t *testing.T) {
	weak := must(rsa.GenerateKey(rand.Reader, 1024))
	p384 := must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader))
	good := publicPEM(rsaKey().Public())
	for name, c := range map[string]struct {
		b    []byte
		read func([]byte) (Key, error)
		says string
	}{
		"no secret":             {nil, Secret, "32 bytes"},
		"short secret":          {[]byte("changeme"), Secret, "openssl rand"},
		"public key as secret":  {good, Secret, "public key"},
		"empty file":            {nil, PublicKey, "BEGIN PUBLIC KEY"},
		"private key as public": {privatePEM(rsaKey()), PublicKey, "openssl pkey -pubout"},
		"public key as private": {good, PrivateKey, "PUBLIC KEY"},
		"truncated file":        {good[:len(good)/2], PublicKey, "no PEM"},
		"garbage inside":        {block("PUBLIC KEY", []byte("hello")), PublicKey, "parse public key"},
		"garbage RSA":           {block("RSA PUBLIC KEY", []byte("hello")), PublicKey, "parse public key"},
		"garbage certificate":   {block("CERTIFICATE", []byte("hello")), PublicKey, "parse certificate"},
		"garbage private":       {block("PRIVATE KEY", []byte("hello")), PrivateKey, "parse private key"},
		"no private key":        {[]byte("hello"), PrivateKey, "no PEM"},
		"another block":         {block("DH PARAMETERS", []byte("x")), PublicKey, "DH PARAMETERS"},
		"weak RSA":              {publicPEM(weak.Public()), PublicKey, "2048"},
		"weak RSA, private":     {privatePEM(weak), PrivateKey, "2048"},
		"another curve":         {publicPEM(p384.Public()), PublicKey, "P-256"},
	} {
		k, err := c.read(c.b)
		if err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v", name, err)
		}
		if k.verify != nil && err != nil && k.sign == nil {
			t.Errorf("%s: a key came with the error", name)
		}
	}
	for _, o := range []Options{{}, {Keys: []Key{{}}}} {
		if _, err := New(o); err == nil {
			t.Errorf("New took %d empty keys", len(o.Keys))
		}
	}
}
