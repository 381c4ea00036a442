package wire

import (
	"errors"
	"fmt"
)

// Codes of Error, each with what a client does. A code that a client does not
// know is treated as CodeInternal.
const (
	CodeBadFrame       = "bad_frame"       // mend the program: the bytes were no command of this codec; the connection may go on
	CodeBadRequest     = "bad_request"     // mend the command as Hint says; repeating it unchanged fails again
	CodeUnknownCommand = "unknown_command" // the server is older than the client: do without, or say so
	CodeUnauthorized   = "unauthorized"    // get a token and connect again; it was missing or not accepted
	CodeExpired        = "expired"         // get a fresh token, then renew or connect again
	CodeForbidden      = "forbidden"       // tell the person; the token does not allow it, nor will the next try
	CodeNotFound       = "not_found"       // treat it as gone: it never was, has expired or was deleted
	CodeTooLarge       = "too_large"       // send less in one piece; Message gives the limit
	CodeTooMany        = "too_many"        // give something back first (unfollow); Message gives the limit
	CodeBusy           = "busy"            // wait for the running turn, or cancel it: the channel takes one at a time
	CodeConflict       = "conflict"        // read again, decide again: what it was based on has changed
	CodeUnavailable    = "unavailable"     // repeat after RetryIn: a server behind the gateway does not answer
	CodeDraining       = "draining"        // connect again, to whichever node answers: this one is going down
	CodeSlowDown       = "slow_down"       // wait RetryIn, then go on more slowly
	CodeTrimmed        = "trimmed"         // throw away what is shown of this log and follow from a snapshot
	CodeEnded          = "ended"           // nothing to do: the turn is over
	CodeInternal       = "internal"        // repeat once after RetryIn, then tell the person; the server has logged it
)

// Codes returns every code, in the order of their documentation.
func Codes() []string {
	return []string{
		CodeBadFrame, CodeBadRequest, CodeUnknownCommand, CodeUnauthorized, CodeExpired, CodeForbidden,
		CodeNotFound, CodeTooLarge, CodeTooMany, CodeBusy, CodeConflict, CodeUnavailable, CodeDraining,
		CodeSlowDown, CodeTrimmed, CodeEnded, CodeInternal,
	}
}

// A pathError says which field of a message is wrong, while the decoder is
// still on its way up from it.
type pathError struct {
	path string
	what string
}

func (e *pathError) Error() string { return e.path + ": " + e.what }

func wrong(path, format string, args ...any) error {
	return &pathError{path: path, what: fmt.Sprintf(format, args...)}
}

// within puts the name of the field that holds it before err.
func within(name string, err error) error {
	var pe *pathError
	if !errors.As(err, &pe) {
		return wrong(name, "%v", err)
	}
	if pe.path == "" {
		return &pathError{path: name, what: pe.what}
	}
	return &pathError{path: name + "." + pe.path, what: pe.what}
}

// badFrame makes err what a decoder returns.
func badFrame(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return &Error{Code: CodeBadFrame, Message: err.Error()}
}
