package wire

import (
	"errors"
	"fmt"

	"github.com/karez/karez/turn"
)

// tooLarge refuses a command before it is read.
func tooLarge(p []byte) error {
	if len(p) <= MaxCommand {
		return nil
	}
	return &Error{
		Code:    CodeTooLarge,
		Message: fmt.Sprintf("a command of %d bytes, the most is %d", len(p), MaxCommand),
		Hint:    "send large content by reference: a url in prompt.content",
	}
}

// checkLengths ends the decoding of a command: what is in it is not too long.
func checkLengths(c *Command) (*Command, error) {
	if err := c.lengths(); err != nil {
		return spoiled(c, err)
	}
	return c, nil
}

func (c *Command) lengths() error {
	var p turn.Prompt
	if c.Prompt != nil {
		p = *c.Prompt
	}
	for _, f := range []struct {
		name   string
		n, max int
	}{
		{"token", len(c.Token), MaxToken},
		{"client", len(c.Client), MaxClient},
		{"message", len(c.Message), MaxMessage},
		{"name", len(c.Name), MaxName},
		{"turns", len(c.Turns), MaxTurns},
		{"prompt.message", len(p.Message), MaxMessage},
		{"prompt.content", len(p.Content), MaxContents},
	} {
		if f.n > f.max {
			return wrong(f.name, "its length is %d, the most is %d", f.n, f.max)
		}
	}
	if d := depth(c.Data); d > MaxValueDepth {
		return wrong("data", "nested %d deep, the most is %d", d, MaxValueDepth)
	}
	if d := depth(p.Params); d > MaxValueDepth {
		return wrong("prompt.params", "nested %d deep, the most is %d", d, MaxValueDepth)
	}
	return nil
}

// Check returns nil when c has what a command of its type needs, else an
// *Error: unknown_command for a type that is not known, too_large for a
// signal's data, bad_frame for what a decoder would have refused, bad_request
// for the rest. It looks at nothing but c: whether the channel exists and who
// may use it is asked elsewhere.
func (c *Command) Check() error {
	if err := c.lengths(); err != nil {
		return badFrame(err)
	}
	switch c.Type {
	case CmdPing:
		return nil
	case CmdHello, CmdRenew:
		return c.need("token", c.Token != "", "put the JWT itself into token, without Bearer")
	case CmdAck:
		return c.need("n", c.N != 0, "give the number that a log frame announced")
	case CmdFollow, CmdUnfollow, CmdPace:
		return firstError(c.checkChannel(), c.checkTurn(false), c.checkCursor())
	case CmdPrompt, CmdEdit, CmdRegenerate:
		return firstError(c.checkChannel(), c.checkTurn(c.Type != CmdPrompt), c.checkPrompt())
	case CmdCancel:
		return firstError(c.checkChannel(), c.checkTurn(false),
			c.need("turn", c.Turn != "" || c.Message != "", "name the turn, or the message it answers"))
	case CmdJoin, CmdPresence, CmdLeave:
		return c.checkChannel()
	case CmdHistory:
		return firstError(c.checkChannel(), c.checkTurn(false),
			c.need("limit", c.Limit >= 0, "0 asks for the server's own page size"))
	case CmdPublish, CmdSignal:
		return firstError(c.checkChannel(), c.need("name", c.Name != "", "say what happened, in a word of your own"), c.checkSignal())
	case "":
		return c.need("type", false, "every command names its type: follow, prompt, …")
	}
	return &Error{Code: CodeUnknownCommand, Message: fmt.Sprintf("unknown command %q", clip(c.Type)), Hint: "docs/protocol.md lists the commands"}
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// need returns nil if ok, else that field is missing or wrong.
func (c *Command) need(field string, ok bool, hint string) error {
	if ok {
		return nil
	}
	what := c.Type
	if what == "" {
		what = "a command"
	}
	return &Error{Code: CodeBadRequest, Message: what + ": " + field + " is missing or not allowed", Hint: hint}
}

func (c *Command) refuse(err error, hint string) error {
	return &Error{Code: CodeBadRequest, Message: fmt.Sprintf("%s: %v", c.Type, err), Hint: hint}
}

func (c *Command) checkChannel() error {
	if err := turn.CheckChannel(c.Channel); err != nil {
		return c.refuse(err, "channel names the conversation: chat:42")
	}
	return nil
}

func (c *Command) checkTurn(must bool) error {
	if c.Turn == "" {
		return c.need("turn", !must, "name the turn that the new one replaces")
	}
	if err := turn.CheckName(c.Turn); err != nil {
		return c.refuse(err, "turn is an id that the server gave")
	}
	return nil
}

// checkCursor checks what follow and pace say beside their log.
func (c *Command) checkCursor() error {
	switch c.Type {
	case CmdUnfollow:
		return nil
	case CmdPace:
		if c.Pace == nil {
			return c.need("pace", false, `{"mode":"live"} is as fast as it comes`)
		}
	case CmdFollow:
		if c.From != "" && c.From != FromNow && c.From != FromSnapshot {
			return c.need("from", false, "leave it out to follow after a place, or say now or snapshot")
		}
		for name := range c.Turns {
			if err := turn.CheckName(name); err != nil {
				return c.refuse(err, "the keys of turns are turn ids")
			}
		}
	}
	if c.Pace == nil {
		return nil
	}
	switch c.Pace.Mode {
	case "", PaceLive, PaceSmooth:
		return nil
	case PaceFixed:
		return c.need("pace.rate", c.Pace.Rate > 0, "characters a second, above 0")
	}
	return c.need("pace.mode", false, "live, smooth or fixed")
}

func (c *Command) checkPrompt() error {
	p := c.Prompt
	if p == nil || p.Message == "" {
		return c.need("prompt.message", false, "give each message an id of your own: sent twice, it is answered once")
	}
	if c.Type == CmdRegenerate { // nothing else of it counts
		return nil
	}
	q := *p
	q.User, q.Supersedes = "", "" // the token's, and edit's, to say
	var fe *turn.FieldError
	if err := q.Check(); errors.As(err, &fe) {
		return &Error{Code: CodeBadRequest, Message: c.Type + ": " + fe.Field + " " + fe.What, Hint: fe.Hint}
	} else if err != nil {
		return c.refuse(err, "")
	}
	return nil
}

func (c *Command) checkSignal() error {
	if c.Type != CmdSignal || len(c.Data) <= MaxSignal {
		return nil
	}
	return &Error{
		Code:    CodeTooLarge,
		Message: fmt.Sprintf("signal: data of %d bytes, the most is %d", len(c.Data), MaxSignal),
		Hint:    "publish keeps up to the size of a command",
	}
}

func clip(s string) string {
	if len(s) > 40 {
		return s[:40] + "…"
	}
	return s
}
