package apps

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Sign returns the HMAC-SHA256 of text in lower-case hexadecimal.
func Sign(secret, text string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// Signed reports whether signature is that of text. It compares in constant time.
func Signed(secret, text, signature string) bool {
	return hmac.Equal([]byte(Sign(secret, text)), []byte(signature))
}

// Proves reports whether auth, "key:signature", is the app's word for text.
func (a *App) Proves(auth, text string) bool {
	key, signature, ok := strings.Cut(auth, ":")
	return ok && key == a.Key && Signed(a.Secret, text, signature)
}

// ChannelText is what is signed for a subscription; data is the channel_data
// of a presence channel, as it was sent.
func ChannelText(socket, ch, data string) string {
	if data == "" {
		return socket + ":" + ch
	}
	return socket + ":" + ch + ":" + data
}

// UserText is what is signed for a signin; data is the user_data, as it was sent.
func UserText(socket, data string) string { return socket + "::user::" + data }
