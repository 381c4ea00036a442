package worker_test

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/karez/karez/broker/membroker"
	"github.com/karez/karez/internal/turns"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/worker"
)

// shout answers with what it was asked, in capitals: the smallest provider.
type shout struct{}

func (shout) Name() string { return "shout" }

func (shout) Stream(_ context.Context, req worker.Request, emit func(turn.Event) error) (string, error) {
	prompt := req.Messages[len(req.Messages)-1].Text
	for _, r := range prompt {
		if err := emit(turn.Event{Kind: turn.KindText, Data: []byte(string(r - 'a' + 'A'))}); err != nil {
			return "", err
		}
	}
	return turn.ReasonStop, nil
}

func Example() {
	b := membroker.New(membroker.Options{})
	defer b.Close()
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	w := worker.New(b, shout{}, worker.Options{Log: slog.New(slog.DiscardHandler)})
	done := make(chan error)
	go func() { done <- w.Run(ctx) }()

	// A gateway does this.
	t := turns.New(b, turns.Options{})
	name, _, err := t.Accept(ctx, turns.Ask{App: "app", Channel: "chat:42", Prompt: turn.Prompt{User: "ada", Message: "m-1", Text: "hello"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for {
		a, err := t.Answer(ctx, turn.NewID("app", "chat:42", name))
		if err != nil || a.State.Terminal() {
			fmt.Println(a.State, a.Text(), err)
			break
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	fmt.Println(<-done)
	// Output:
	// completed HELLO <nil>
	// <nil>
}

func ExampleSign() {
	fmt.Println(worker.Sign("secret", 1764000000, []byte(`{"type":"turn.finished"}`)))
	// Output: t=1764000000,v1=fe9e0d9d0740f675e17a70245f5c45e386803351c2d7d104c9a6ebae2c4bf0fe
}
