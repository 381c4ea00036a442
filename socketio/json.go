package socketio

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/karez/karez/internal/engineio"
)

// jsonParser is the parser of clients that choose none: text, and attachments
// in binary messages that follow it.
type jsonParser struct{}

func (jsonParser) encode(p *packet) ([]engineio.Message, error) {
	e := jsonEncoder{}
	var body []byte
	var err error
	switch {
	case p.typ == typeEvent || p.typ == typeAck:
		body, err = e.list(nil, p.args)
	case p.data != nil:
		body, err = e.value(nil, p.data)
	}
	if err != nil {
		return nil, err
	}
	typ := p.typ
	if len(e.bins) > 0 {
		typ += typeBinaryEvent - typeEvent
	}
	dst := make([]byte, 0, len(body)+len(p.nsp)+16)
	dst = append(dst, '0'+byte(typ))
	if len(e.bins) > 0 {
		dst = append(strconv.AppendInt(dst, int64(len(e.bins)), 10), '-')
	}
	if p.nsp != "/" {
		dst = append(append(dst, p.nsp...), ',')
	}
	if p.id != noID {
		dst = strconv.AppendInt(dst, p.id, 10)
	}
	out := make([]engineio.Message, 1, 1+len(e.bins))
	out[0] = engineio.Message{Data: append(dst, body...)}
	for _, b := range e.bins {
		out = append(out, engineio.Message{Data: b, Binary: true})
	}
	return out, nil
}

// A jsonEncoder appends values, and collects the binary data in them.
type jsonEncoder struct{ bins [][]byte }

func (e *jsonEncoder) list(dst []byte, vs []any) (_ []byte, err error) {
	dst = append(dst, '[')
	for i, v := range vs {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = e.value(dst, v); err != nil {
			return nil, err
		}
	}
	return append(dst, ']'), nil
}

func (e *jsonEncoder) value(dst []byte, v any) ([]byte, error) {
	switch v := v.(type) {
	case json.RawMessage:
		if !json.Valid(v) {
			return nil, fmt.Errorf("encode argument: invalid JSON %.40q", []byte(v))
		}
		return append(dst, v...), nil
	case Arg:
		if v.raw != nil {
			return append(dst, v.raw...), nil
		}
		return e.value(dst, v.value)
	case []byte:
		e.bins = append(e.bins, v)
		return fmt.Appendf(dst, `{"_placeholder":true,"num":%d}`, len(e.bins)-1), nil
	case []any:
		return e.list(dst, v)
	case map[string]any:
		return e.object(dst, v)
	}
	return appendJSON(dst, v)
}

func (e *jsonEncoder) object(dst []byte, m map[string]any) (_ []byte, err error) {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		if dst, err = appendJSON(dst, k); err != nil {
			return nil, err
		}
		if dst, err = e.value(append(dst, ':'), m[k]); err != nil {
			return nil, err
		}
	}
	return append(dst, '}'), nil
}

// appendJSON is json.Marshal without escapes for HTML.
func appendJSON(dst []byte, v any) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	enc := json.NewEncoder(b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode argument: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func (jsonParser) decoder(maxAttachments int) decoder { return &jsonDecoder{max: maxAttachments} }

// A jsonDecoder keeps a packet until its attachments have come.
type jsonDecoder struct {
	max    int
	packet *received
	left   int
	bins   [][]byte
}

func (d *jsonDecoder) add(p []byte, binary bool) (*received, error) {
	switch {
	case !binary && d.packet != nil:
		return nil, fmt.Errorf("%w: text where an attachment is due", ErrPacket)
	case binary && d.packet == nil:
		return nil, fmt.Errorf("%w: an attachment of no packet", ErrPacket)
	case binary:
		d.bins = append(d.bins, bytes.Clone(p))
		d.packet.size += len(p)
		if d.left--; d.left > 0 {
			return nil, nil
		}
		return d.finish()
	}
	r, attachments, err := decodeJSON(p, d.max)
	if err != nil || attachments == 0 {
		return r, err
	}
	d.packet, d.left = r, attachments
	return nil, nil
}

// finish puts the attachments where their placeholders are.
func (d *jsonDecoder) finish() (*received, error) {
	r, bins := d.packet, d.bins
	d.packet, d.bins = nil, nil
	for i := range r.args {
		a := &r.args[i]
		if !bytes.Contains(a.raw, []byte("_placeholder")) {
			continue
		}
		v, err := tree(a.raw)
		if err == nil {
			v, err = fill(v, bins)
		}
		if err != nil {
			return nil, err
		}
		*a = Arg{value: v}
	}
	return r, nil
}

// fill replaces placeholders by what they stand for.
func fill(v any, bins [][]byte) (_ any, err error) {
	switch v := v.(type) {
	case []any:
		for i := range v {
			if v[i], err = fill(v[i], bins); err != nil {
				return nil, err
			}
		}
	case map[string]any:
		if v["_placeholder"] == true {
			n, _ := v["num"].(json.Number)
			i, err := strconv.Atoi(n.String())
			if err != nil || i < 0 || i >= len(bins) {
				return nil, fmt.Errorf("%w: no attachment %q", ErrPacket, n)
			}
			return bins[i], nil
		}
		for k := range v {
			if v[k], err = fill(v[k], bins); err != nil {
				return nil, err
			}
		}
	}
	return v, nil
}

// maxNamespace bounds a namespace's name; the reference has no bound.
const maxNamespace = 256

// decodeJSON reads the text of a packet. It keeps nothing of p.
func decodeJSON(p []byte, maxAttachments int) (r *received, attachments int, err error) {
	if len(p) == 0 || p[0] < '0' || p[0] > '6' {
		return nil, 0, fmt.Errorf("%w: unknown type", ErrPacket)
	}
	r = &received{typ: packetType(p[0] - '0'), nsp: "/", id: noID, size: len(p)}
	p = p[1:]
	if r.typ >= typeBinaryEvent {
		digits, rest, ok := bytes.Cut(p, []byte("-"))
		attachments, err = strconv.Atoi(string(digits))
		if !ok || err != nil || attachments < 1 || len(digits) > 9 {
			return nil, 0, fmt.Errorf("%w: illegal attachments", ErrPacket)
		}
		if attachments > maxAttachments {
			return nil, 0, fmt.Errorf("%w: %d, at most %d", ErrTooMany, attachments, maxAttachments)
		}
		p = rest
		r.typ -= typeBinaryEvent - typeEvent
	}
	if len(p) > 0 && p[0] == '/' {
		nsp, rest, _ := bytes.Cut(p, []byte(","))
		if len(nsp) > maxNamespace {
			return nil, 0, fmt.Errorf("%w: a namespace of %d bytes", ErrPacket, len(nsp))
		}
		r.nsp, p = string(nsp), rest
	}
	digits := 0
	for digits < len(p) && '0' <= p[digits] && p[digits] <= '9' {
		digits++
	}
	if digits > 0 {
		if r.id, err = strconv.ParseInt(string(p[:digits]), 10, 64); err != nil {
			return nil, 0, fmt.Errorf("%w: id %w", ErrPacket, err)
		}
		p = p[digits:]
	}
	return r, attachments, r.payload(p)
}

// payload reads the JSON of a packet.
func (r *received) payload(p []byte) error {
	bad := func(what string) error { return fmt.Errorf("%w: %s", ErrPacket, what) }
	switch r.typ {
	case typeConnect:
		if len(p) == 0 {
			return nil
		}
		if !json.Valid(p) || p[0] != '{' {
			return bad("the payload of CONNECT is no object")
		}
		r.data = Arg{raw: bytes.Clone(p)}
	case typeDisconnect:
		if len(p) > 0 {
			return bad("DISCONNECT has a payload")
		}
	case typeEvent, typeAck:
		var raw []json.RawMessage
		if len(p) == 0 || p[0] != '[' || json.Unmarshal(p, &raw) != nil {
			return bad("the payload is no array")
		}
		for _, q := range raw {
			r.args = append(r.args, Arg{raw: q})
		}
		return r.split()
	default:
		return bad("a client does not send this type")
	}
	return nil
}

// split takes an event's name off its arguments.
func (r *received) split() error {
	if r.typ != typeEvent {
		if r.id == noID {
			return fmt.Errorf("%w: an acknowledgement of nothing", ErrPacket)
		}
		return nil
	}
	if len(r.args) == 0 {
		return fmt.Errorf("%w: an event without a name", ErrPacket)
	}
	switch v := r.args[0].Value().(type) {
	case string:
		r.name = v
	case json.Number:
		r.name = v.String()
	case int64:
		r.name = strconv.FormatInt(v, 10)
	case uint64:
		r.name = strconv.FormatUint(v, 10)
	default:
		return fmt.Errorf("%w: an event's name is a string", ErrPacket)
	}
	if reserved[r.name] {
		return fmt.Errorf("%w: %q is reserved", ErrPacket, r.name)
	}
	r.args = r.args[1:]
	return nil
}
