package pusher

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// sign returns the HMAC-SHA256 of text in lower-case hexadecimal.
func sign(secret, text string) string {
	m := hmac.New(sha256.New, []byte(secret))
	m.Write([]byte(text))
	return hex.EncodeToString(m.Sum(nil))
}

// signed compares in constant time.
func signed(secret, text, signature string) bool {
	return hmac.Equal([]byte(sign(secret, text)), []byte(signature))
}

// proves reports whether auth, "key:signature", is the app's word for text.
func (a *App) proves(auth, text string) bool {
	key, signature, ok := strings.Cut(auth, ":")
	return ok && key == a.Key && signed(a.Secret, text, signature)
}

// channelText is what is signed for a subscription; data is the channel_data
// of a presence channel, as it was sent.
func channelText(socket, ch, data string) string {
	if data == "" {
		return socket + ":" + ch
	}
	return socket + ":" + ch + ":" + data
}

func userText(socket, data string) string { return socket + "::user::" + data }
