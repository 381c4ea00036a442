package engineio

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"unicode/utf8"
)

// A packetType is the first character of a text packet.
type packetType byte

const (
	typeOpen    packetType = '0'
	typeClose   packetType = '1'
	typePing    packetType = '2'
	typePong    packetType = '3'
	typeMessage packetType = '4'
	typeUpgrade packetType = '5'
	typeNoop    packetType = '6'
	typeBinary  packetType = 'b' // a binary message, in a payload only
)

// separator stands between the packets of a payload.
const separator = 0x1e

// A packet is one packet of a payload. data is shared: nobody changes it.
type packet struct {
	typ  packetType
	data []byte
}

func (p packet) size() int {
	if p.typ == typeBinary {
		return 2 + base64.StdEncoding.EncodedLen(len(p.data))
	}
	return 2 + len(p.data)
}

// appendPacket appends p as a payload holds it.
func appendPacket(dst []byte, p packet) []byte {
	dst = append(dst, byte(p.typ))
	if p.typ == typeBinary {
		return base64.StdEncoding.AppendEncode(dst, p.data)
	}
	return append(dst, p.data...)
}

func appendPayload(dst []byte, ps []packet) []byte {
	for i, p := range ps {
		if i > 0 {
			dst = append(dst, separator)
		}
		dst = appendPacket(dst, p)
	}
	return dst
}

// maxPackets bounds the packets of one payload from a client. The reference
// has no bound but the payload's; an event is seldom less than ten bytes.
const maxPackets = 1 << 20

var errPayload = errors.New("malformed payload") // caller: answer 400, end the session

// decodePayload calls yield for each packet of a client's payload until it
// returns an error. The packets share p's memory.
func decodePayload(p []byte, yield func(packet) error) error {
	if !utf8.Valid(p) {
		return fmt.Errorf("%w: it is not UTF-8", errPayload)
	}
	for n := 1; ; n++ {
		one, rest, more := bytes.Cut(p, []byte{separator})
		pk, err := decodePacket(one)
		if err == nil && n > maxPackets {
			err = fmt.Errorf("%w: more than %d packets", errPayload, maxPackets)
		}
		if err != nil {
			return err
		}
		if err := yield(pk); err != nil || !more {
			return err
		}
		p = rest
	}
}

// decodePacket reads one packet of a payload, or a text frame of a WebSocket.
func decodePacket(p []byte) (packet, error) {
	if len(p) == 0 {
		return packet{}, fmt.Errorf("%w: a packet is empty", errPayload)
	}
	pk := packet{packetType(p[0]), p[1:]}
	switch {
	case pk.typ == typeBinary:
		data := make([]byte, base64.StdEncoding.DecodedLen(len(pk.data)))
		n, err := base64.StdEncoding.Decode(data, pk.data)
		if err != nil {
			return packet{}, fmt.Errorf("%w: %w", errPayload, err)
		}
		pk.data = data[:n]
	case pk.typ < typeOpen || pk.typ > typeNoop:
		return packet{}, fmt.Errorf("%w: packet type %q", errPayload, byte(pk.typ))
	}
	return pk, nil
}
