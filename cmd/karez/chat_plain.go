package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/karez/karez/client"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// Times of plain mode.
const (
	reachTime = 5 * time.Second // until the server answers for the first time
	stopTime  = 5 * time.Second // for a cancel to be taken
)

// connectingAfter is when a person is told what is waited for.
const connectingAfter = 2 * time.Second

// plain asks once and prints the answer as it comes: for scripts and pipes.
type plain struct {
	out    io.Writer // the answer and nothing else
	status io.Writer // what happens to the connection
	server string    // its address
	clean  bool      // out is a terminal: what would control it is left out

	printed strings.Builder
}

func (p *plain) ask(ctx context.Context, cl *client.Client, channel, prompt string) error {
	if err := p.connect(ctx, cl); err != nil {
		return err
	}
	var wg sync.WaitGroup
	watching, stop := context.WithCancel(ctx)
	wg.Go(func() { p.watch(watching, cl) })
	defer wg.Wait()
	defer stop()

	ch := cl.Channel(channel)
	message := rand.Text()
	for d, err := range ch.Ask(ctx, turn.Prompt{Message: message, Text: prompt}) {
		if err == nil {
			if err := p.delta(d); err != nil {
				return fmt.Errorf("write the answer, which goes on: %w", err) // design: 4
			}
			continue
		}
		p.newline()
		if ctx.Err() != nil {
			return interrupt(ch, message)
		}
		return err
	}
	p.newline()
	return nil
}

// connect waits for the server a while, and says so.
func (p *plain) connect(ctx context.Context, cl *client.Client) error {
	reach, cancel := context.WithTimeout(ctx, reachTime)
	defer cancel()
	slow := time.AfterFunc(connectingAfter, func() { fmt.Fprintf(p.status, "karez: connecting to %s …\n", p.server) })
	defer slow.Stop()
	err := cl.Connect(reach)
	e := (*wire.Error)(nil)
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.As(err, &e) && e.Code == client.CodeConnect:
		err = unreachable(p.server, e)
	}
	return errors.New("connect: " + reason(err))
}

// interrupt cancels the turn, for the person who pressed Ctrl-C.
func interrupt(ch *client.Channel, message string) error {
	ctx, cancel := context.WithTimeout(context.Background(), stopTime)
	defer cancel()
	if err := ch.CancelMessage(ctx, message); err != nil {
		return &exitError{codeInterrupted, "interrupted; the answer could not be cancelled and may go on: " + reason(err)}
	}
	return &exitError{codeInterrupted, "interrupted: the answer was cancelled"}
}

func (p *plain) delta(d client.Delta) error {
	if d.Cut && !strings.HasPrefix(d.Answer.Text(), p.printed.String()) {
		// What is printed cannot be taken back.
		fmt.Fprintln(p.status, "karez: the model was asked again, the answer starts over")
		p.newline()
		p.printed.Reset()
		return p.print(d.Answer.Text())
	}
	if d.Cut {
		return p.print(d.Answer.Text()[p.printed.Len():])
	}
	return p.print(d.Text())
}

func (p *plain) print(s string) error {
	p.printed.WriteString(s)
	if p.clean {
		s = printable(s)
	}
	_, err := io.WriteString(p.out, s)
	return err
}

// newline ends the last line of the answer.
func (p *plain) newline() {
	if s := p.printed.String(); s != "" && !strings.HasSuffix(s, "\n") {
		_, _ = io.WriteString(p.out, "\n") // the answer itself was written
	}
}

// watch tells of what interrupts the answer.
func (p *plain) watch(ctx context.Context, cl *client.Client) {
	away := false
	for s := range cl.Statuses(ctx) {
		switch {
		case s.State == client.Waiting && !away:
			fmt.Fprintf(p.status, "karez: connection lost (%s), trying again\n", s.Err.Message)
			away = true
		case s.State == client.Open && away:
			fmt.Fprintln(p.status, "karez: connected again")
			away = false
		}
	}
}
