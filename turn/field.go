package turn

import "errors"

// ErrBadField is wrapped by every FieldError. Caller: refuse the request.
var ErrBadField = errors.New("not taken")

// A FieldError says which field of what somebody sent is not taken, and why.
// It wraps ErrBadField.
type FieldError struct {
	Field string // prompt.message
	What  string // is missing
	Hint  string // what to send instead; may be empty
}

func (e *FieldError) Error() string { return ErrBadField.Error() + ": " + e.Field + " " + e.What }

// Unwrap makes errors.Is(err, ErrBadField) true.
func (e *FieldError) Unwrap() error { return ErrBadField }
