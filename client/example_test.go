package client_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/karez/karez/client"
	"github.com/karez/karez/turn"
)

// Ask and print the answer as it comes.
func ExampleChannel_Ask() {
	url, stop := exampleServer()
	defer stop()

	c, err := client.New(url, client.Options{Token: client.Static("ada's token")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	for d, err := range c.Channel("chat:42").Ask(context.Background(), turn.Prompt{Text: "Why is the sky blue?"}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Print(d.Text())
	}
	// Output: Air scatters short waves most.
}

// Follow a conversation: first what was said, then what is being said.
func ExampleChannel_Follow() {
	url, stop := exampleServer()
	defer stop()
	ctx := context.Background()

	c, err := client.New(url, client.Options{Token: client.Static("ada's token")})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer c.Close()
	ch := c.Channel("chat:42")
	for ev, err := range ch.Follow(ctx, client.FollowOptions{}) {
		if err != nil {
			fmt.Println(err)
			return
		}
		switch ev := ev.(type) {
		case client.Page:
			fmt.Println(len(ev.History.Turns), "turns so far")
			if _, err := ch.Prompt(ctx, turn.Prompt{Text: "Why is the sky blue?"}); err != nil {
				fmt.Println(err)
				return
			}
		case client.Begun:
			fmt.Println(ev.User, "asks")
		case client.Ended:
			fmt.Println(ev.State, ev.Answer.Text())
			return
		}
	}
	// Output:
	// 0 turns so far
	// ada asks
	// completed Air scatters short waves most.
}

// exampleServer starts a server whose model knows one answer.
func exampleServer() (url string, stop func()) {
	tb := new(exampleTB)
	w := newWorld(tb, func(ctx context.Context, w *world, id turn.ID) {
		a := w.author(ctx, id)
		for _, piece := range []string{"Air", " scatters", " short waves", " most."} {
			a.put(ctx, turn.KindText, "", piece)
		}
		a.end(ctx)
	})
	return w.proxy.url(), tb.stop
}

// An exampleTB lets an example use what tests use.
type exampleTB struct {
	testing.TB
	cleanups []func()
}

func (tb *exampleTB) Helper()               {}
func (tb *exampleTB) Cleanup(f func())      { tb.cleanups = append(tb.cleanups, f) }
func (tb *exampleTB) Fatal(args ...any)     { panic(fmt.Sprint(args...)) }
func (tb *exampleTB) Errorf(string, ...any) {}
func (tb *exampleTB) stop() {
	for _, f := range tb.cleanups {
		f()
	}
}
