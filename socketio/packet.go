package socketio

import (
	"github.com/karez/karez/internal/engineio"
)

// A packetType is a packet's first character. On the wire an EVENT or ACK with
// attachments has a type of its own; here it has not.
type packetType int

const (
	typeConnect packetType = iota
	typeDisconnect
	typeEvent
	typeAck
	typeConnectError
	typeBinaryEvent
	typeBinaryAck
)

// noID is the id of a packet that wants no acknowledgement.
const noID = -1

// A packet is one Socket.IO packet: args are the payload of an event (its name
// first) or of an acknowledgement; data that of the other types, or nil.
type packet struct {
	typ  packetType
	nsp  string
	id   int64
	args []any
	data any
}

// A received packet has its payload as Args. The first one of an event is
// split off into name.
type received struct {
	typ  packetType
	nsp  string
	id   int64
	name string
	args []Arg
	data Arg // of CONNECT
	size int
}

// A parser is one encoding of packets. A decoder belongs to one connection.
type parser interface {
	encode(p *packet) ([]engineio.Message, error)
	decoder(maxAttachments int) decoder
}

// A decoder makes packets of messages, several of which may be one packet. It
// returns nil while more is to come. It keeps nothing of p.
type decoder interface {
	add(p []byte, binary bool) (*received, error)
}
