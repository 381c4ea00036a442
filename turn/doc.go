// Package turn is the domain of Karez: one prompt and its answer, kept as a log.
//
// A turn is a log of events, numbered 1, 2, 3 with no holes; a connection is a
// cursor on it. This package says what an event is, how neighbouring events
// merge into one for a reader that is behind, how a log folds into the answer
// that a person sees, and how text stays whole characters on the way. It is
// pure: no input or output, no goroutine, no clock.
//
// It is not the place where logs are kept (broker), written (worker) or
// delivered (internal/gateway).
//
// Read id.go, event.go, kind.go, then merge.go, align.go and fold.go.
package turn
