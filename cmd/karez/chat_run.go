package main

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	tea "charm.land/bubbletea/v2"

	"github.com/karez/karez/client"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// talk runs the conversation in the terminal until the person leaves it. What
// is being answered goes on (design: 4).
func talk(ctx context.Context, cl *client.Client, channel, server string) error {
	ctx, stop := context.WithCancel(ctx)
	ch := cl.Channel(channel)
	m := &chatModel{actions: act(ctx, cl, ch), channel: channel, server: server}
	p := tea.NewProgram(m, tea.WithContext(ctx), tea.WithoutSignalHandler())
	var wg sync.WaitGroup
	wg.Go(func() { follow(ctx, ch, p) })
	wg.Go(func() { status(ctx, cl, p) })
	_, err := p.Run()
	stop()
	wg.Wait()
	fmt.Print(m.farewell())
	if m.err != nil {
		return m.err
	}
	if errors.Is(err, tea.ErrProgramKilled) { // ctx ended: SIGTERM
		return nil
	}
	return err
}

// follow hands over what happens. Send waits for the program, so a terminal
// that is slow holds back the cursor and nothing else.
func follow(ctx context.Context, ch *client.Channel, p *tea.Program) {
	for ev, err := range ch.Follow(ctx, client.FollowOptions{}) {
		if err != nil {
			if ctx.Err() == nil {
				p.Send(endMsg{err})
			}
			return
		}
		p.Send(eventMsg{ev})
	}
}

func status(ctx context.Context, cl *client.Client, p *tea.Program) {
	tick := time.NewTicker(time.Second) // a wait counts down
	defer tick.Stop()
	statuses := make(chan client.Status)
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() {
		defer close(statuses)
		for s := range cl.Statuses(ctx) {
			select {
			case statuses <- s:
			case <-ctx.Done():
				return
			}
		}
	})
	var last client.Status
	for {
		select {
		case s, ok := <-statuses:
			if !ok {
				return
			}
			last = s
			p.Send(statusMsg(s))
		case <-tick.C:
			if last.State == client.Waiting {
				p.Send(statusMsg(last))
			}
		}
	}
}

// act makes the model's actions ask the server.
func act(ctx context.Context, cl *client.Client, ch *client.Channel) actions {
	return actions{
		prompt: func(p turn.Prompt) error {
			_, err := ch.Prompt(ctx, p)
			return err
		},
		regenerate: func(name, message string) error {
			_, err := ch.Regenerate(ctx, name, message)
			return err
		},
		cancel: func(name, message string) error {
			ctx, cancel := context.WithTimeout(ctx, stopTime)
			defer cancel()
			if name == "" {
				return ch.CancelMessage(ctx, message)
			}
			return ch.Cancel(ctx, name)
		},
		wake: cl.Wake,
	}
}

// reason says to a person what went wrong.
func reason(err error) string {
	if e := (*wire.Error)(nil); errors.As(err, &e) {
		if e.Hint != "" {
			return e.Message + " (" + e.Hint + ")"
		}
		return e.Message
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "the server did not answer in time"
	}
	return err.Error()
}
