package stream

import (
	"encoding/base64"
	"net/url"
	"strings"
)

// DataURL returns the media type and the bytes of a data URL (RFC 2397); ok is
// false for any other URL and for a broken one.
func DataURL(s string) (media string, p []byte, ok bool) {
	rest, ok := strings.CutPrefix(s, "data:")
	if !ok {
		return "", nil, false
	}
	head, data, ok := strings.Cut(rest, ",")
	if !ok {
		return "", nil, false
	}
	media, b64 := strings.CutSuffix(head, ";base64")
	if media == "" {
		media = "text/plain;charset=US-ASCII"
	}
	if !b64 {
		plain, err := url.PathUnescape(data)
		return media, []byte(plain), err == nil
	}
	p, err := Base64(data)
	return media, p, err == nil
}

// Base64 decodes what servers send as base64, padded or not.
func Base64(s string) ([]byte, error) {
	return base64.RawStdEncoding.DecodeString(strings.TrimRight(s, "="))
}
