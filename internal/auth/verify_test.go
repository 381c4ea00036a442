package auth

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// What Mint puts in, Verify gives back.
func TestRoundTrip(t *testing.T) {
	now := time.Now().Truncate(time.Second)
	c := Claims{
		User: "ada lovelace", App: "acme", Name: "Ada ✨", TokenID: "j-1", Issuer: "https://id.example", Audience: "karez",
		Channels: map[string][]Verb{"chat:42": {Read, Prompt}, "room:*": {Presence}},
		IssuedAt: now.Add(-time.Minute), NotBefore: now.Add(-time.Second), Expires: now.Add(time.Minute),
	}
	token, err := Mint(must(Secret(testSecret)), c)
	if err != nil {
		t.Fatal(err)
	}
	g, err := verifier(t, Options{Issuer: c.Issuer, Audience: c.Audience}).Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	if g.User != c.User || g.App != c.App || g.Name != c.Name || g.TokenID != c.TokenID || !g.IssuedAt.Equal(c.IssuedAt) || !g.Expires.Equal(c.Expires) {
		t.Errorf("%+v", g)
	}
	if !g.May(Prompt, "acme", "chat:42") || g.May(Prompt, "acme", "room:1") || !g.May(Presence, "acme", "room:1") || g.May(Read, "app", "chat:42") {
		t.Error("the rules differ")
	}
}

// Claims that a server would refuse are refused when they are minted.
func TestMintRefuses(t *testing.T) {
	key := must(Secret(testSecret))
	for name, change := range map[string]func(c *Claims){
		"no user":        func(c *Claims) { c.User = "" },
		"no end":         func(c *Claims) { c.Expires = time.Time{} },
		"unknown verb":   func(c *Claims) { c.Channels["x"] = []Verb{"reed"} },
		"star inside":    func(c *Claims) { c.Channels["a*b"] = []Verb{Read} },
		"bad app":        func(c *Claims) { c.App = "a/b" },
		"far too large":  func(c *Claims) { c.Channels = many(2000) },
		"user too long":  func(c *Claims) { c.User = strings.Repeat("x", 201) },
		"user unprinted": func(c *Claims) { c.User = "a\nb" },
	} {
		c := goodClaims()
		change(&c)
		if token, err := Mint(key, c); err == nil {
			t.Errorf("%s: minted %d bytes", name, len(token))
		}
	}
}

func many(n int) map[string][]Verb {
	m := make(map[string][]Verb)
	for i := range n {
		m["room:"+strings.Repeat("x", i%9)+string(rune('a'+i%26))+time.Duration(i).String()] = []Verb{Read}
	}
	return m
}

// Every token that is not taken, with the reason that its developer reads.
func TestRefusedTokens(t *testing.T) {
	v := verifier(t, Options{Issuer: "me", Audience: "karez"})
	now := time.Now()
	good := func() jwt.MapClaims {
		return jwt.MapClaims{"sub": "ada", "iss": "me", "aud": "karez", "exp": now.Add(time.Hour).Unix()}
	}
	with := func(k string, val any) string {
		m := good()
		if val == nil {
			delete(m, k)
		} else {
			m[k] = val
		}
		return signed(t, m, nil)
	}
	if _, err := v.Verify(signed(t, good(), nil)); err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(with("aud", []string{"x", "karez"})); err != nil {
		t.Fatal(err)
	}
	valid := signed(t, good(), nil)
	part := strings.Split(valid, ".")
	none := must(jwt.NewWithClaims(jwt.SigningMethodNone, good()).SignedString(jwt.UnsafeAllowNoneSignatureType))
	hs512 := must(jwt.NewWithClaims(jwt.SigningMethodHS512, good()).SignedString(testSecret))
	for _, c := range []struct {
		name, token string
		err         error
		says        string
	}{
		{"none at all", "", ErrBadToken, "no token"},
		{"too long", strings.Repeat("x", MaxToken+1), ErrBadToken, "16384"},
		{"no JWT", "hello", ErrBadToken, "not a JWT"},
		{"two parts", part[0] + "." + part[1], ErrBadToken, "not a JWT"},
		{"four parts", valid + ".x", ErrBadToken, "not a JWT"},
		{"quoted", `"` + valid + `"`, ErrBadToken, "not a JWT"},
		{"cut off", valid[:len(valid)-4], ErrBadToken, ""}, // one text or the other, as the cut falls
		{"no signature", part[0] + "." + part[1] + ".", ErrBadToken, "no key here"},
		{"alg none", none, ErrBadToken, "no key here"},
		{"alg nOnE", replaceHeader(valid, `{"alg":"nOnE"}`), ErrBadToken, "no key here"},
		{"alg HS512", hs512, ErrBadToken, "no key here"},
		{"no alg", replaceHeader(valid, `{"typ":"JWT"}`), ErrBadToken, "no key here"},
		{"alg is a number", replaceHeader(valid, `{"alg":256}`), ErrBadToken, "no key here"},
		{"crit", signed(t, good(), map[string]any{"crit": []string{"b64"}, "b64": false}), ErrBadToken, "crit"},
		{"another secret", must(jwt.NewWithClaims(jwt.SigningMethodHS256, good()).SignedString([]byte("x"))), ErrBadToken, "no key here"},
		{"claims changed", part[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"eve"}`)) + "." + part[2], ErrBadToken, "no key here"},
		{"no exp", with("exp", nil), ErrBadToken, "no exp"},
		{"exp is text", with("exp", "tomorrow"), ErrBadToken, "not a JWT"},
		{"exp in milliseconds", with("exp", now.Add(time.Hour).UnixMilli()), ErrBadToken, "9999"},
		{"expired", with("exp", now.Add(-time.Minute).Unix()), ErrExpired, "valid until"},
		{"not yet", with("nbf", now.Add(time.Minute).Unix()), ErrNotYet, "valid from"},
		{"issued tomorrow", with("iat", now.Add(24*time.Hour).Unix()), ErrNotYet, "issued at"},
		{"no issuer", with("iss", nil), ErrBadToken, "issuer"},
		{"another issuer", with("iss", "you"), ErrBadToken, `"you"`},
		{"no audience", with("aud", nil), ErrBadToken, "audience"},
		{"another audience", with("aud", "soketi"), ErrBadToken, "audience"},
		{"no user", with("sub", nil), ErrBadToken, "no sub"},
		{"user too long", with("sub", strings.Repeat("x", 201)), ErrBadToken, "sub has 201"},
		{"user is a number", with("sub", 7), ErrBadToken, "not a JWT"},
		{"user with a line break", with("sub", "a\nb"), ErrBadToken, "U+000A"},
		{"name too long", with("name", strings.Repeat("x", 201)), ErrBadToken, "name has 201"},
		{"bad app", with("app", "a/b"), ErrBadToken, "app"},
		{"unknown verb", with("channels", map[string]any{"x": []string{"reed"}}), ErrBadToken, `"reed"`},
		{"star in the middle", with("channels", map[string]any{"a*b": []string{"read"}}), ErrBadToken, `"a*b"`},
		{"two stars", with("channels", map[string]any{"a**": []string{"read"}}), ErrBadToken, `"a**"`},
		{"empty channel", with("channels", map[string]any{"": []string{"read"}}), ErrBadToken, "channel name"},
		{"channels is a list", with("channels", []string{"x"}), ErrBadToken, "not a JWT"},
	} {
		g, err := v.Verify(c.token)
		var te *TokenError
		if !errors.Is(err, c.err) || !errors.As(err, &te) || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %v with %q", c.name, err, c.err, c.says)
			continue
		}
		if g != nil {
			t.Errorf("%s: grants came with the error", c.name)
		}
		if text := te.Error() + te.Hint; len(text) > 500 || strings.Contains(text, string(testSecret)) || len(c.token) > 20 && strings.Contains(text, c.token) || strings.Contains(text, "karez\"") {
			t.Errorf("%s: the error tells too much: %s", c.name, text)
		}
	}
}

func replaceHeader(token, header string) string {
	_, rest, _ := strings.Cut(token, ".")
	return base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + rest
}

// A change of any one character of a token is noticed.
func TestTamperedTokens(t *testing.T) {
	for alg, p := range pairs() {
		v := verifier(t, Options{Keys: []Key{p.check()}})
		token := must(Mint(p.sign, goodClaims()))
		step := 1
		if alg == "ES256" || alg == "RS256" {
			step = 7 // these check slowly
		}
		for i := 0; i < len(token); i += step {
			b := []byte(token)
			b[i] ^= 1
			if _, err := v.Verify(string(b)); err == nil {
				t.Fatalf("%s: byte %d changed and nobody noticed", alg, i)
			}
		}
	}
}

// The server's public key is no secret: a token that says HS256 and is signed
// with the file of the public key, in any form, is not taken, even by a server
// that has a secret as well.
func TestAlgorithmConfusion(t *testing.T) {
	ps := pairs()
	for alg, p := range ps {
		if p.public == nil {
			continue
		}
		v := verifier(t, Options{Keys: []Key{p.check(), ps["HS256"].sign}})
		der := must(base64.StdEncoding.DecodeString(strings.Join(strings.Split(strings.TrimSpace(string(p.public)), "\n")[1:len(strings.Split(strings.TrimSpace(string(p.public)), "\n"))-1], "")))
		for form, secret := range map[string][]byte{"file": p.public, "trimmed": []byte(strings.TrimSpace(string(p.public))), "DER": der} {
			for _, m := range []jwt.SigningMethod{jwt.SigningMethodHS256, jwt.SigningMethodHS384} {
				tok := must(jwt.NewWithClaims(m, jwt.MapClaims{"sub": "eve", "exp": time.Now().Add(time.Hour).Unix()}).SignedString(secret))
				if _, err := v.Verify(tok); !errors.Is(err, ErrBadToken) {
					t.Errorf("%s signed with the %s of a public %s key: %v", m.Alg(), form, alg, err)
				}
			}
		}
	}
	for a, p := range ps { // a key of one algorithm takes no token of another
		for b, q := range ps {
			_, err := verifier(t, Options{Keys: []Key{p.check()}}).Verify(must(Mint(q.sign, goodClaims())))
			if (err == nil) != (a == b) {
				t.Errorf("a key for %s and a token of %s: %v", a, b, err)
			}
		}
	}
}

// Keys change without a token being refused: by name, and for issuers that
// name none by trying.
func TestKeyRotation(t *testing.T) {
	key := func(id string, fill byte) Key {
		k := must(Secret([]byte(strings.Repeat(string(fill), 32))))
		k.ID = id
		return k
	}
	v := verifier(t, Options{Keys: []Key{key("old", 'o'), key("new", 'n'), key("", 'x')}})
	for _, c := range []struct {
		kid  string
		fill byte
		ok   bool
	}{
		{"old", 'o', true}, {"new", 'n', true}, {"", 'o', true}, {"", 'n', true}, {"", 'x', true},
		{"unknown", 'x', true}, // the key without a name may have any
		{"old", 'n', false}, {"unknown", 'n', false}, {"", 'z', false},
	} {
		_, err := v.Verify(must(Mint(key(c.kid, c.fill), goodClaims())))
		if (err == nil) != c.ok {
			t.Errorf("kid %q signed by %c: %v", c.kid, c.fill, err)
		}
	}
	v = verifier(t, Options{Keys: []Key{key("old", 'o')}})
	if _, err := v.Verify(must(Mint(key("new", 'n'), goodClaims()))); !errors.Is(err, ErrBadToken) || !strings.Contains(err.Error(), `"new"`) {
		t.Error(err)
	}
}

// Clocks may differ by the leeway and no more; without one, not at all.
func TestClockSkew(t *testing.T) {
	key := must(Secret(testSecret))
	for _, leeway := range []time.Duration{0, -1, 2 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			v := verifier(t, Options{Leeway: leeway})
			room := map[time.Duration]time.Duration{0: 30 * time.Second, -1: 0, 2 * time.Minute: 2 * time.Minute}[leeway]
			start := time.Now()
			token := must(Mint(key, Claims{User: "ada", IssuedAt: start.Add(5 * time.Minute), NotBefore: start.Add(5 * time.Minute), Expires: start.Add(10 * time.Minute)}))
			for now := time.Duration(0); now < 15*time.Minute; now += 10 * time.Second {
				_, err := v.Verify(token)
				var want error
				switch {
				case now < 5*time.Minute-room:
					want = ErrNotYet
				case now >= 10*time.Minute+room:
					want = ErrExpired
				}
				if !errors.Is(err, want) {
					t.Errorf("leeway %v, at %v: %v, want %v", leeway, now, err, want)
				}
				time.Sleep(10 * time.Second)
			}
		})
	}
}

func TestFromRequest(t *testing.T) {
	for _, c := range []struct {
		header, protocol, want string
	}{
		{"", "", ""},
		{"Bearer a.b.c", "", "a.b.c"},
		{"bearer  a.b.c ", "", "a.b.c"},
		{"Basic eDp5", "", ""},
		{"Bearer", "", ""},
		{"", "karez.v1.json, karez.token.a.b.c", "a.b.c"},
		{"", "karez.token.a.b.c,karez.v1.json", "a.b.c"},
		{"", "karez.v1.json", ""},
		{"", "xkarez.token.a", ""},
		{"Bearer a.b.c", "karez.token.d.e.f", "a.b.c"},
		{"Basic eDp5", "karez.token.d.e.f", "d.e.f"},
	} {
		r := &http.Request{Header: http.Header{}}
		if c.header != "" {
			r.Header.Set("Authorization", c.header)
		}
		if c.protocol != "" {
			r.Header.Set("Sec-WebSocket-Protocol", c.protocol)
		}
		if got := FromRequest(r); got != c.want {
			t.Errorf("%q, %q: %q, want %q", c.header, c.protocol, got, c.want)
		}
	}
}

// Whatever comes as a token is refused with a reason, unless it was minted.
func FuzzVerify(f *testing.F) {
	v := verifier(f, Options{})
	far := time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
	token := must(Mint(must(Secret(testSecret)), Claims{User: "ada", Expires: far}))
	part := strings.Split(token, ".")
	for _, s := range []string{token, "", "..", part[0] + "..", "." + part[1] + ".", token + "=", replaceHeader(token, `{"alg":"none"}`), replaceHeader(token, `null`), replaceHeader(token, `{"alg":"HS256","kid":{}}`)} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		g, err := v.Verify(s)
		if err == nil && s != token {
			t.Fatalf("taken: %q as %+v", s, g)
		}
		checkError(t, err)
	})
}

// Whatever an issuer signs, Verify gives sound grants or a reason.
func FuzzClaims(f *testing.F) {
	v := verifier(f, Options{})
	for _, s := range []string{
		`{"sub":"ada","exp":7258118400,"channels":{"chat:42":["read"],"room:*":["*"]}}`,
		`{"sub":"ada","exp":1e300}`, `{"sub":"ada","exp":-1}`, `{"sub":"ada","exp":7258118400.5,"iat":0,"nbf":null,"aud":[]}`,
		`null`, `[]`, `{}`, `{"sub":"\ud800","exp":7258118400}`, `{"SUB":"ada","EXP":7258118400}`, `{"sub":"ada","exp":"7258118400"}`,
		`{"sub":"ada","exp":7258118400,"channels":{"":["read"]}}`, `{"sub":"ada","exp":7258118400,"app":"` + strings.Repeat("x", 65) + `"}`,
	} {
		f.Add([]byte(s))
	}
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		text := header + "." + base64.RawURLEncoding.EncodeToString(payload)
		sig := must(jwt.SigningMethodHS256.Sign(text, testSecret))
		g, err := v.Verify(text + "." + base64.RawURLEncoding.EncodeToString(sig))
		checkError(t, err)
		if err != nil {
			return
		}
		if !json.Valid(payload) {
			t.Fatal("claims that are no JSON were taken")
		}
		if g.User == "" || len(g.User) > MaxUser || g.App == "" || g.Expires.Before(time.Now().Add(-defaultLeeway)) || g.Expires.After(lastDate) {
			t.Fatalf("%+v", g)
		}
		for _, verb := range Verbs() {
			if g.May(verb, g.App+"x", "chat:42") || g.May(verb, g.App, "") {
				t.Fatalf("%s is allowed where nothing is", verb)
			}
		}
	})
}

func checkError(t *testing.T, err error) {
	t.Helper()
	var te *TokenError
	if err != nil && (!errors.As(err, &te) || !errors.Is(err, ErrBadToken) && !errors.Is(err, ErrExpired) && !errors.Is(err, ErrNotYet) || len(te.Error()) > 1000) {
		t.Fatalf("an error of another kind: %v", err)
	}
}
