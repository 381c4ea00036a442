package client

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"

	"github.com/coder/websocket"

	"github.com/karez/karez/wire"
)

var errClosed = &wire.Error{Code: CodeClosed, Message: "the client was closed"}

// lost is the error of a connection that broke or could not be made.
func lost(format string, args ...any) *wire.Error {
	return &wire.Error{Code: CodeConnect, Message: fmt.Sprintf(format, args...)}
}

// asError returns err as a *wire.Error, as one of code connect if it is none.
func asError(err error) *wire.Error {
	if e := (*wire.Error)(nil); errors.As(err, &e) {
		return e
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return lost("the server does not answer")
	}
	if ue := (*url.Error)(nil); errors.As(err, &ue) {
		err = ue.Err // without the address: whoever reads it knows that
	}
	return lost("%v", err)
}

// httpError makes an error of an HTTP answer that is no success: the server's
// own if the body has one.
func httpError(status int, body []byte) *wire.Error {
	var f wire.Frame
	if json.Unmarshal(body, &f) == nil && f.Error != nil && f.Error.Code != "" {
		return f.Error
	}
	return lost("the server answered HTTP %d", status)
}

// closeError makes an error of the end of a WebSocket that came without bye.
func closeError(err error) *wire.Error {
	var ce websocket.CloseError
	if !errors.As(err, &ce) {
		return asError(err)
	}
	code := CodeConnect
	switch ce.Code {
	case 1012:
		code = wire.CodeDraining
	case 4401:
		code = wire.CodeUnauthorized
	case 4403:
		code = wire.CodeForbidden
	case 4408:
		code = wire.CodeExpired
	}
	return &wire.Error{Code: code, Message: fmt.Sprintf("the server closed the connection (%d %s)", ce.Code, ce.Reason)}
}
