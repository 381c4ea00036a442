// Package stream is what the providers over HTTP share: one request to a model
// server with its limits of silence and size, the table that makes typed
// errors of what goes wrong, the loop that feeds a format's Decoder, and the
// Writer through which a Decoder emits the events of a turn.
//
// It knows no format. Those live with their providers (openai, anthropic,
// upstream), each as a Decoder that is given one event of the stream at a time,
// so that a stream can be recognised by its first event and then be handed to
// the right one.
//
// Read client.go, reply.go, decode.go and writer.go; then errors.go for what
// readers are told, and body.go and rounds.go for what is sent.
package stream
