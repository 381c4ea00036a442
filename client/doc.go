// Package client is the Go client of a Karez server. It speaks the native
// protocol (docs/protocol.md) over a WebSocket, and over server-sent events
// where no WebSocket gets through.
//
// A Client is one connection, shared by all its channels, that comes back by
// itself until Close: with backoff, with fresh tokens, and with the cursors of
// all that is followed, so that an answer continues at its next token whatever
// happened in between. Disconnecting never cancels a turn; Cancel does.
//
//	c, err := client.New("https://chat.example.com", client.Options{Token: client.Static(token)})
//	…
//	defer c.Close()
//	for d, err := range c.Channel("chat:42").Ask(ctx, turn.Prompt{Text: "Why is the sky blue?"}) {
//		if err != nil {
//			return err
//		}
//		fmt.Print(d.Text())
//	}
//
// Channel.Ask is the shortest way to an answer. Channel.Follow tells all that
// happens in a channel, Channel.FollowTurn one turn, Channel.Present who is
// there. They are iterators, and
// the loop over one may take its time: what it has not taken is not kept here
// beyond a small bound. Past that the client stops following, lets its cursor
// lag, and continues from the server's log when the loop has caught up.
//
// Errors are *wire.Error, with the server's codes and the ones below, or the
// error of the context that was given.
//
// Read client.go and channel.go, then follow.go and event.go for what is told;
// run.go, connect.go and frame.go are the life of a connection, follower.go
// the cursors, ws.go and sse.go the two roads.
package client
