package auth

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"
)

const (
	minSecret  = 32   // bytes, RFC 7518, 3.2
	minRSABits = 2048 // RFC 7518, 3.3
)

// A Key checks tokens of one algorithm, which the key alone decides: what a
// token says of its own algorithm can only fit or not. Its zero value is of no
// use; Secret, PublicKey and PrivateKey make one.
type Key struct {
	// ID is the key's name (kid), or "". A token that names a key is checked
	// with the keys of that name and those without one, a token that names
	// none with all.
	ID string

	method jwt.SigningMethod
	verify any
	sign   any // nil: the key only checks
}

// Alg returns the name of the key's algorithm: HS256, RS256, ES256 or EdDSA.
func (k Key) Alg() string {
	if k.method == nil {
		return ""
	}
	return k.method.Alg()
}

// Secret returns an HS256 key. It has at least 32 bytes, is taken as it is, and
// is copied.
func Secret(b []byte) (Key, error) {
	if bytes.Contains(b, []byte("-----BEGIN ")) {
		return Key{}, errors.New("this secret is a key file (PEM), which others may have too: give it as a public key instead")
	}
	if len(b) < minSecret {
		return Key{}, fmt.Errorf("a secret has at least %d bytes, this one has %d: make one with openssl rand -hex 32", minSecret, len(b))
	}
	b = bytes.Clone(b)
	return Key{method: jwt.SigningMethodHS256, verify: b, sign: b}, nil
}

// PublicKey reads a public key (or a certificate) in PEM: RSA of 2048 bits or
// more for RS256, P-256 for ES256, Ed25519 for EdDSA.
func PublicKey(file []byte) (Key, error) {
	block, _ := pem.Decode(file)
	if block == nil {
		return Key{}, errors.New("no PEM block found: the file begins with -----BEGIN PUBLIC KEY----- and holds nothing else")
	}
	switch block.Type {
	case "PUBLIC KEY":
		pub, err := x509.ParsePKIXPublicKey(block.Bytes)
		if err != nil {
			return Key{}, fmt.Errorf("parse public key: %w", err)
		}
		return publicKey(pub)
	case "RSA PUBLIC KEY":
		pub, err := x509.ParsePKCS1PublicKey(block.Bytes)
		if err != nil {
			return Key{}, fmt.Errorf("parse public key: %w", err)
		}
		return publicKey(pub)
	case "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return Key{}, fmt.Errorf("parse certificate: %w", err)
		}
		return publicKey(cert.PublicKey)
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "ENCRYPTED PRIVATE KEY":
		return Key{}, errors.New("this is a private key, which only the issuer of tokens should have: give its public half, made with openssl pkey -pubout")
	}
	return Key{}, fmt.Errorf("the PEM block is a %q, not a PUBLIC KEY", clip(block.Type))
}

func publicKey(pub crypto.PublicKey) (Key, error) {
	switch p := pub.(type) {
	case *rsa.PublicKey:
		if n := p.N.BitLen(); n < minRSABits {
			return Key{}, fmt.Errorf("an RSA key has at least %d bits, this one has %d", minRSABits, n)
		}
		return Key{method: jwt.SigningMethodRS256, verify: p}, nil
	case *ecdsa.PublicKey:
		if p.Curve != elliptic.P256() {
			return Key{}, fmt.Errorf("an elliptic key is on the curve P-256, this one is on %s", p.Curve.Params().Name)
		}
		return Key{method: jwt.SigningMethodES256, verify: p}, nil
	case ed25519.PublicKey:
		return Key{method: jwt.SigningMethodEdDSA, verify: p}, nil
	}
	return Key{}, fmt.Errorf("keys are RSA, P-256 or Ed25519, this one is %T", pub)
}

// PrivateKey reads a private key in PEM. It signs, and checks what it signed.
// Servers need none: it is for issuers.
func PrivateKey(file []byte) (Key, error) {
	block, _ := pem.Decode(file)
	if block == nil {
		return Key{}, errors.New("no PEM block found: the file begins with -----BEGIN PRIVATE KEY----- and holds nothing else")
	}
	var priv any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		priv, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		priv, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		priv, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return Key{}, fmt.Errorf("the PEM block is a %q, not a PRIVATE KEY without a password", clip(block.Type))
	}
	if err != nil {
		return Key{}, fmt.Errorf("parse private key: %w", err)
	}
	signer, ok := priv.(crypto.Signer)
	if !ok {
		return Key{}, fmt.Errorf("keys are RSA, P-256 or Ed25519, this one is %T", priv)
	}
	k, err := publicKey(signer.Public())
	k.sign = priv
	return k, err
}
