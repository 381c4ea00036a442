package wire

import "github.com/karez/karez/turn"

// A Codec writes and reads the protocol in one encoding. Codecs hold no state;
// all methods may be called concurrently. Decoders never panic, whatever the
// bytes, and bound what they allocate by the length of the input. Their errors
// are *Error with code bad_frame, whose message says what is wrong and where
// (too_large for a command of more than MaxCommand bytes).
//
// What an encoder is given need not be clean: a byte that is not UTF-8 becomes
// U+FFFD, and a json.RawMessage that is not JSON, or is nested too deep to be
// read back, becomes a JSON string of its text.
type Codec interface {
	// Subprotocol is the WebSocket subprotocol that asks for this codec:
	// karez.v1.json, karez.v1.msgpack or karez.v1.proto.
	Subprotocol() string
	// Binary reports whether messages travel in binary WebSocket frames.
	Binary() bool

	AppendCommand(dst []byte, c *Command) []byte
	// DecodeCommand accepts a command of any type; Check says whether it is
	// complete. With an error that concerns one field only, it returns a
	// command that holds nothing but ID and Type, so that the answer can
	// carry them; otherwise nil.
	DecodeCommand(p []byte) (*Command, error)

	// AppendFrame encodes any frame; for FrameEvent it is AppendHead, then
	// AppendBody.
	AppendFrame(dst []byte, f *Frame) []byte
	// DecodeFrame accepts a frame of any type.
	DecodeFrame(p []byte) (*Frame, error)

	// AppendHead begins an event frame for log number n; AppendBody ends it.
	// The body is the same for every reader. For text neither allocates
	// beyond growing dst.
	AppendHead(dst []byte, n uint32) []byte
	AppendBody(dst []byte, ev *turn.Event) []byte
}

// The codecs. They are set once, here.
var (
	JSON        Codec = jsonCodec{}
	MessagePack Codec = msgpackCodec{}
	Protobuf    Codec = protoCodec{}
)

// Codecs returns all codecs. A server offers them all and takes the first that
// the client names; JSON when it names none.
func Codecs() []Codec { return []Codec{JSON, MessagePack, Protobuf} }

// ByName returns the codec of a WebSocket subprotocol.
func ByName(subprotocol string) (Codec, bool) {
	for _, c := range Codecs() {
		if c.Subprotocol() == subprotocol {
			return c, true
		}
	}
	return nil, false
}

// MaxDepth is how deep one message may be nested, the message itself included.
const MaxDepth = 64

const (
	// maxFrameValue is how deep a JSON value may be to be embedded in a
	// frame: the deepest place, a part of a turn of a history, is six below
	// the top.
	maxFrameValue = MaxDepth - 8
	// MaxValueDepth is how deep a command's data and prompt.params may be,
	// so that what was accepted can be sent on inside any frame.
	MaxValueDepth = turn.MaxDepth
)
