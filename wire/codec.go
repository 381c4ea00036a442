package wire

import "github.com/karez/karez/turn"

// A Codec writes and reads the protocol in one encoding. Codecs hold no state;
// all methods may be called concurrently. Decoders never panic, whatever the
// bytes, bound what they allocate by the length of the input, and return an
// *Error with code bad_frame that says what is wrong and where.
type Codec interface {
	// Subprotocol is the WebSocket subprotocol that asks for this codec:
	// karez.v1.json, karez.v1.msgpack or karez.v1.proto.
	Subprotocol() string
	// Binary reports whether messages travel in binary WebSocket frames.
	Binary() bool

	AppendCommand(dst []byte, c *Command) []byte
	DecodeCommand(p []byte) (*Command, error)

	// AppendFrame encodes any frame; for FrameEvent it is AppendHead, then
	// AppendBody.
	AppendFrame(dst []byte, f *Frame) []byte
	DecodeFrame(p []byte) (*Frame, error)

	// AppendHead begins an event frame for log number n; AppendBody ends it.
	// The body is the same for every reader.
	AppendHead(dst []byte, n uint32) []byte
	AppendBody(dst []byte, ev *turn.Event) []byte
}
