// Package wire is the native protocol's frames: what a client sends (Command),
// what a server sends (Frame), and three codecs for both: JSON, MessagePack and
// Protobuf, chosen by WebSocket subprotocol. It is pure: bytes to values and
// back. docs/protocol.md is the same for people.
//
// It is shared by the transport, the Go client and the link between an edge
// and its origin. It is not the place where commands are carried out
// (internal/transport/native).
//
// The frame that matters is the event: a token on its way to a reader. Its
// encoding begins with a short number that stands for the log, chosen by the
// server per connection, and goes on with a body that is the same for every
// reader, so that the body is encoded once for all of them: AppendHead and
// AppendBody.
//
// Read command.go, frame.go and codec.go, then json.go, msgpack.go and proto.go.
// The binary codecs are driven by the tables of schema.go, whose rows field.go
// and field_kinds.go explain; karez.proto is the same for other languages.
package wire
