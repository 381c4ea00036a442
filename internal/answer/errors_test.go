package answer

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/wire"
)

func TestExplain(t *testing.T) {
	if p := Explain(errors.New("dial tcp 10.0.0.7:6379: refused")); p.Status != 500 || strings.Contains(p.Error(), "10.0.0.7") {
		t.Errorf("an unknown error tells of the server's inside: %+v", p)
	}
	if p := Explain(&turns.BusyError{Turn: "t1"}); p.Status != http.StatusConflict || p.Retry != 0 {
		t.Errorf("%+v", p)
	}
	if p := Explain(&turns.BusyError{Turn: "t1", Full: true}); p.Status != http.StatusTooManyRequests || p.Retry == 0 {
		t.Errorf("%+v", p)
	}
	if p := Explain(&wire.Error{Code: wire.CodeExpired, Message: "m"}); p.Status != http.StatusUnauthorized {
		t.Errorf("%+v", p)
	}
	if p := Explain(fmt.Errorf("x: %w", &http.MaxBytesError{Limit: 7})); p.Status != http.StatusRequestEntityTooLarge {
		t.Errorf("%+v", p)
	}
	h := http.Header{}
	Explain(&wire.Error{Code: wire.CodeUnauthorized, Message: "m", RetryIn: 1500}).Head(h)
	if h.Get("WWW-Authenticate") == "" || h.Get("Retry-After") != "2" {
		t.Errorf("%v", h)
	}
}
