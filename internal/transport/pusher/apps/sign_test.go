package apps

import (
	"testing"
)

// Vectors that other programs' signatures were held against.
func TestSignatureVectors(t *testing.T) {
	for text, want := range map[string]string{
		ChannelText("4242.1717", "private-user.9", ""):                                            "53b11dd1ecc64cf8f160b33e170f5b48f797f7b4a20df6a8181b9d695caf900d",
		ChannelText("4242.1717", "presence-room.1", `{"user_id":"9","user_info":{"name":"Ada"}}`): "443efae84c4078eb6fc188976bb8b2481c7f4a877a236c6bdd59a8be7e81eccf",
		UserText("4242.1717", `{"id":"9"}`):                                                       "f45782c27225688775da1d5e2c80c572239ceee9ac764f89c99998c902a658bc",
	} {
		if got := Sign("demo-secret", text); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
		a := App{Key: "demo-key", Secret: "demo-secret"}
		if !a.Proves("demo-key:"+want, text) {
			t.Errorf("%s: not proven", text)
		}
		for _, bad := range []string{want, "other:" + want, "demo-key:" + want[1:], "demo-key:", "", "demo-key:" + want + "0"} {
			if a.Proves(bad, text) {
				t.Errorf("%s: proven by %q", text, bad)
			}
		}
	}
}
