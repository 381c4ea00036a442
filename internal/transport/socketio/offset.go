package socketio

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/karez/karez/turn"
)

// An offset is one string for all that a client follows: where it is in each
// log. A Socket.IO client remembers the last one it was sent, without looking
// into it, and hands it over when it comes back; nothing else is needed to go
// on, on any node. In letters:
//
//	key ! channel ! after ! turn ! seq ! turn ! seq , channel ! …
//
// after is "-" where only turns are followed, and begins with "~" where the
// reader is Laravel Echo; numbers are in base 36. key ties
// it to the pid it belongs to.
//
// A place is where a client is in one channel.
type place struct {
	channel string
	whole   bool     // the channel is followed, not only turns of it
	echo    bool     // its reader is Laravel Echo, see echo.go
	after   turn.Seq // of its timeline
	turns   []at     // in the order in which they began
	text    string   // encoded; "" after a change
}

// at is where a client is in one turn.
type at struct {
	turn  string
	seq   turn.Seq
	begun bool // the timeline has passed its beginning
	ended bool // the client has its terminal event
}

func (p *place) find(name string) *at {
	for i := range p.turns {
		if p.turns[i].turn == name {
			return &p.turns[i]
		}
	}
	return nil
}

// set moves the client in a turn.
func (p *place) set(name string, seq turn.Seq) {
	p.text = ""
	if a := p.find(name); a != nil {
		a.seq = seq
		return
	}
	p.turns = append(p.turns, at{turn: name, seq: seq})
}

// at returns where the client is in a log of the channel.
func (p *place) at(id turn.ID) turn.Seq {
	if id.Kind == turn.TimelineLog {
		return p.after
	}
	if a := p.find(id.Name); a != nil {
		return a.seq
	}
	return 0
}

// begin notes that the timeline has passed a turn's beginning. Whoever comes
// back after that place must be given the turn, too; first says that it begins
// right there.
func (p *place) begin(name string, first bool) {
	a := p.find(name)
	if a == nil && first {
		p.set(name, 0)
		a = p.find(name)
	}
	if a != nil {
		a.begun = true
	}
	p.tidy()
}

// end notes that the client has all of a turn.
func (p *place) end(name string) {
	if a := p.find(name); a != nil {
		a.ended = true
	}
	p.tidy()
}

// tidy drops the turns that the timeline will not bring again.
func (p *place) tidy() {
	p.text = ""
	p.turns = slices.DeleteFunc(p.turns, func(a at) bool { return a.ended && (a.begun || !p.whole) })
}

func (p *place) clone() *place {
	q := *p
	q.turns = slices.Clone(p.turns)
	return &q
}

func (p *place) encoded() string {
	if p.text != "" {
		return p.text
	}
	var b strings.Builder
	escape(&b, p.channel)
	b.WriteByte('!')
	if p.echo {
		b.WriteByte('~')
	}
	if p.whole {
		b.WriteString(strconv.FormatUint(uint64(p.after), 36))
	} else {
		b.WriteByte('-')
	}
	for _, a := range p.turns {
		b.WriteString("!" + a.turn + "!" + strconv.FormatUint(uint64(a.seq), 36))
	}
	p.text = b.String()
	return p.text
}

// escape writes a channel's name without what separates, and without what JSON
// would have to escape.
func escape(b *strings.Builder, s string) {
	const hex = "0123456789abcdef"
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case '!', ',', '%', '"', '\\':
			b.Write([]byte{'%', hex[c>>4], hex[c&15]})
		default:
			b.WriteByte(c)
		}
	}
}

var errOffset = errors.New("malformed offset") // caller: begin afresh

func unescape(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		if i+2 >= len(s) {
			return "", errOffset
		}
		c, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
		if err != nil {
			return "", errOffset
		}
		b.WriteByte(byte(c))
		i += 2
	}
	return b.String(), nil
}

// encodeOffset joins places.
func encodeOffset(key string, places []*place) string {
	n := len(key) + 1
	for _, p := range places {
		n += len(p.encoded()) + 1
	}
	b := make([]byte, 0, n)
	b = append(b, key...)
	for i, p := range places {
		if i == 0 {
			b = append(b, '!')
		} else {
			b = append(b, ',')
		}
		b = append(b, p.encoded()...)
	}
	return string(b)
}

// decodeOffset takes an offset apart. The turns in it count as begun: whoever
// comes back names them.
func decodeOffset(key, s string) ([]*place, error) {
	rest, ok := strings.CutPrefix(s, key)
	if !ok {
		return nil, errOffset
	}
	if rest == "" {
		return nil, nil
	}
	if rest[0] != '!' {
		return nil, errOffset
	}
	var out []*place
	for one := range strings.SplitSeq(rest[1:], ",") {
		p, err := decodePlace(strings.Split(one, "!"))
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func decodePlace(fields []string) (*place, error) {
	if len(fields)%2 != 0 {
		return nil, errOffset
	}
	name, err := unescape(fields[0])
	if err != nil || turn.CheckChannel(name) != nil {
		return nil, errOffset
	}
	after, echo := strings.CutPrefix(fields[1], "~")
	p := &place{channel: name, whole: after != "-", echo: echo}
	if p.whole {
		if p.after, err = seq(after); err != nil {
			return nil, err
		}
	}
	for i := 2; i < len(fields); i += 2 {
		n, err := seq(fields[i+1])
		if err != nil || turn.CheckName(fields[i]) != nil || p.find(fields[i]) != nil {
			return nil, errOffset
		}
		p.turns = append(p.turns, at{turn: fields[i], seq: n, begun: true})
	}
	return p, nil
}

func seq(s string) (turn.Seq, error) {
	n, err := strconv.ParseUint(s, 36, 63)
	if err != nil {
		return 0, errOffset
	}
	return turn.Seq(n), nil
}
