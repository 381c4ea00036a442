package refusal

import (
	"context"
	"time"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/internal/auth"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/internal/presence"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A row says how an error is told to a client.
type row struct {
	err   error
	code  string
	say   string // in place of what the error says, whose words are not for clients; "": what it says is about what the client sent
	hint  string
	retry time.Duration // after which trying again makes sense; 0: it does not
}

var table = []row{
	{gateway.ErrForbidden, wire.CodeForbidden, "", "ask for a token that allows it", 0},
	{gateway.ErrExpired, wire.CodeExpired, "", "connect with a fresh token", 0},
	{gateway.ErrSubject, wire.CodeForbidden, "", "a connection keeps its user; open another for this one", 0},
	{gateway.ErrTooMany, wire.CodeTooMany, "", "give something back first", 0},
	{gateway.ErrKicked, wire.CodeForbidden, "", "an operator closed this connection", 0},
	{gateway.ErrDraining, wire.CodeDraining, "", "connect again", 100 * time.Millisecond},
	{gateway.ErrClosed, wire.CodeDraining, "", "connect again", 100 * time.Millisecond},
	{gateway.ErrNotFollow, wire.CodeBadRequest, "", "follow it first", 0},
	{gateway.ErrNotJoined, wire.CodeBadRequest, "", "join first", 0},
	{gateway.ErrBadName, wire.CodeBadRequest, "", "", 0},
	{gateway.ErrFull, wire.CodeSlowDown, "", "read faster, or follow less", time.Second},
	{presence.ErrBadMember, wire.CodeBadRequest, "", "", 0},
	{presence.ErrCrowded, wire.CodeTooMany, "", "watch it without joining", 0},
	{presence.ErrAbsent, wire.CodeBadRequest, "", "join first", 0},
	{auth.ErrExpired, wire.CodeExpired, "", "get a fresh token", 0},
	{auth.ErrNotYet, wire.CodeUnauthorized, "", "wait, or compare the clocks", 0},
	{auth.ErrBadToken, wire.CodeUnauthorized, "", "get a token that this server takes", 0},
	{turn.ErrBadID, wire.CodeBadRequest, "", "", 0},
	{turn.ErrBadField, wire.CodeBadRequest, "", "", 0},
	{turns.ErrNoTurn, wire.CodeNotFound, "", "", 0},
	{turns.ErrPromptTooLarge, wire.CodeTooLarge, "", "send large content by reference: a url in prompt.content", 0},
	{broker.ErrTrimmed, wire.CodeTrimmed, "log trimmed", "follow from a snapshot", 0},
	{broker.ErrAhead, wire.CodeTrimmed, "cursor beyond log", "follow from a snapshot", 0},
	{broker.ErrMalformed, wire.CodeInternal, "the log has an entry that cannot be understood", "its producer wrote it; see docs/producers.md", 0},
	{broker.ErrNotFound, wire.CodeNotFound, "log not found", "", 0},
	{broker.ErrEnded, wire.CodeEnded, "log has ended", "", 0},
	{broker.ErrExists, wire.CodeConflict, "it exists already", "", 0},
	{broker.ErrConflict, wire.CodeConflict, "somebody else changed it meanwhile", "", 100 * time.Millisecond},
	{broker.ErrFenced, wire.CodeConflict, "a later epoch has begun", "stop: somebody else writes this turn", 0},
	{broker.ErrGap, wire.CodeConflict, "these events do not follow the end of the log", "begin an epoch, and go on after its top", 0},
	{broker.ErrLeaseLost, wire.CodeConflict, "somebody else has this job", "", 0},
	{broker.ErrTooLarge, wire.CodeTooLarge, "", "", 0},
	{broker.ErrUnavailable, wire.CodeUnavailable, "a server behind this one does not answer", "try again", time.Second},
	{broker.ErrClosed, wire.CodeDraining, "this node is going down", "connect again", time.Second},
	{context.Canceled, wire.CodeUnavailable, "the request was given up", "try again", time.Second},
	{context.DeadlineExceeded, wire.CodeUnavailable, "a server behind this one is slow", "try again", time.Second},
}
