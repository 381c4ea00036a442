package pusher

import (
	"encoding/base64"
	"encoding/json"
	"strconv"

	"github.com/karez/karez/channel"
	"github.com/karez/karez/internal/gateway"
	"github.com/karez/karez/turn"
)

// Names of a turn's events. A kind that is not in eventNames is called "turn."
// and its own name.
const (
	turnStarted = "turn.started"
	turnGone    = "turn.gone"
	custom      = "channel.event"
)

var eventNames = map[turn.Kind]string{
	turn.KindPrompt: "turn.accepted",
	turn.KindText:   "turn.delta",
	turn.KindEpoch:  "turn.reset",
	turn.KindEnd:    "turn.done",
	turn.KindError:  "turn.failed",
}

func eventName(k turn.Kind) string {
	if n, ok := eventNames[k]; ok {
		return n
	}
	return "turn." + string(k)
}

// A followed is a log that the connection reads.
type followed struct {
	id      turn.ID
	started bool // turn.started was said
}

// Opened is part of gateway.Conn. What follows comes from the beginning of the
// log, for a Pusher client has no cursor: turn.started will say so.
func (c *conn) Opened(l gateway.Log) error {
	if c.logs == nil {
		c.logs = make(map[uint32]*followed)
	}
	c.logs[l.N] = &followed{id: l.ID}
	return nil
}

// Deliver is part of gateway.Conn. The events are encoded once for all readers
// at this place.
func (c *conn) Deliver(n uint32, b *gateway.Batch) error {
	l := c.logs[n]
	if l == nil {
		return nil
	}
	limit := c.app.MaxEvent
	if l.id.Kind == turn.TimelineLog {
		return c.out.try(split(b.Bodies(timelineKey(limit), func(ev *turn.Event) []byte { return appendTimeline(nil, l.id, ev, limit) }))...)
	}
	bodies := b.Bodies(turnKey(limit), func(ev *turn.Event) []byte { return appendTurn(nil, l.id, ev, limit) })
	if l.started {
		return c.out.try(split(bodies)...)
	}
	for i := range b.Events {
		if k := b.Events[i].Kind; k == turn.KindPrompt || k.Terminal() {
			continue // a turn that ends before it starts has nothing to begin with
		}
		start := appendStarted(nil, l.id, b.Events[i].Start())
		frames := append(append(split(bodies[:i]), start), split(bodies[i:])...)
		if err := c.out.try(frames...); err != nil {
			return err
		}
		l.started = true
		return nil
	}
	return c.out.try(split(bodies)...)
}

// Keys of gateway.Batch.Bodies: apps may differ in how large an event may be.
type (
	turnKey     int
	timelineKey int
)

// Ended is part of gateway.Conn. A log that cannot be followed any more is told
// as turn.gone; what a client missed of a channel it gets by subscribing again.
func (c *conn) Ended(l gateway.Log, why error) error {
	if why != nil && l.ID.Kind == turn.TimelineLog {
		c.fail(codeGeneric, "start over: "+why.Error())
		return nil
	}
	if why != nil {
		data := `{"turn":` + quote(l.ID.Name) + `,"error":` + quote(explain(why)) + `}`
		if err := c.out.try(appendEvent(nil, turnGone, l.ID.Channel, data, "")); err != nil {
			return err
		}
	}
	delete(c.logs, l.N)
	return nil
}

// split takes apart what appendTurn has joined.
func split(bodies [][]byte) [][]byte {
	out := make([][]byte, 0, len(bodies)+1)
	for _, b := range bodies {
		from := 0
		for i, c := range b {
			if c == '\n' {
				out, from = append(out, b[from:i]), i+1
			}
		}
	}
	return out
}

// appendStarted says that a turn begins: a client that has some of it drops
// that, for all of it follows.
func appendStarted(b []byte, id turn.ID, seq turn.Seq) []byte {
	return appendEvent(b, turnStarted, id.Channel, string(appendHead(nil, id, seq, nil))+"}", "")
}

// appendTurn appends the frames of one event of a turn, each with a line break
// behind it (JSON has none inside): several when its data would be larger than
// limit. All but the last have "more".
func appendTurn(b []byte, id turn.ID, ev *turn.Event, limit int) []byte {
	name := eventName(ev.Kind)
	head := string(appendHead(nil, id, ev.Seq, ev))
	room := limit - len(head) - len(`,"base64":"","more":true}`)
	switch {
	case ev.Kind == turn.KindEpoch:
		var es turn.EpochStart
		if json.Unmarshal(ev.Data, &es) == nil && es.All {
			return b // nothing is taken back
		}
	case ev.Kind.Mergeable() && len(ev.Data) == 0 && ev.Name == "":
		return b // the bytes of a cut character went to the next event
	case ev.Kind.Textual() || ev.Kind == turn.KindToolError:
		return appendPieces(b, name, id.Channel, head, "text", string(ev.Data), room)
	case ev.Kind == turn.KindAudio || ev.Media != "":
		return appendPieces(b, name, id.Channel, head, "base64", base64.StdEncoding.EncodeToString(ev.Data), room&^3)
	}
	if !json.Valid(ev.Data) { // a foreign producer may write anything
		return appendPieces(b, name, id.Channel, head, "text", string(ev.Data), room)
	}
	if len(ev.Data) > room {
		return appendPieces(b, name, id.Channel, head, "json", string(ev.Data), room)
	}
	b = appendEvent(b, name, id.Channel, head+`,"data":`+string(ev.Data)+`}`, "")
	return append(b, '\n')
}

// appendPieces appends text cut at characters, so that each piece, quoted, has
// at most room bytes.
func appendPieces(b []byte, name, ch, head, key, text string, room int) []byte {
	for {
		size, i := 0, 0
		for i < len(text) {
			out, in := escaped(text[i:])
			if size+out > room {
				break
			}
			size, i = size+out, i+in
		}
		data := head + `,"` + key + `":` + quote(text[:i])
		text = text[i:]
		if text != "" {
			data += `,"more":true`
		}
		b = append(appendEvent(b, name, ch, data+"}", ""), '\n')
		if text == "" {
			return b
		}
	}
}

// appendHead appends the beginning of an event's data: which turn, where in
// its log, which part of the answer.
func appendHead(b []byte, id turn.ID, seq turn.Seq, ev *turn.Event) []byte {
	b = append(b, `{"turn":`...)
	b = appendString(b, id.Name)
	b = append(b, `,"seq":`...)
	b = strconv.AppendUint(b, uint64(seq), 10)
	if ev == nil {
		return b
	}
	for _, f := range []struct{ key, value string }{{"part", ev.Part}, {"name", ev.Name}, {"media", ev.Media}} {
		if f.value != "" {
			b = append(append(append(b, `,"`...), f.key...), `":`...)
			b = appendString(b, f.value)
		}
	}
	return b
}

// appendTimeline appends the custom events of a channel. Turns begin and end
// in their own logs.
func appendTimeline(b []byte, id turn.ID, ev *turn.Event, limit int) []byte {
	if ev.Kind != channel.KindCustom {
		return b
	}
	head := `{"seq":` + strconv.FormatUint(uint64(ev.Seq), 10) + `,"name":` + quote(ev.Name)
	if from := ev.Attrs[channel.AttrFrom]; from != "" {
		head += `,"from":` + quote(from)
	}
	room := limit - len(head) - len(`,"json":"","more":true}`)
	if len(ev.Data) > room {
		return appendPieces(b, custom, id.Channel, head, "json", string(ev.Data), room)
	}
	data := head
	if json.Valid(ev.Data) {
		data += `,"data":` + string(ev.Data)
	}
	return append(appendEvent(b, custom, id.Channel, data+"}", ""), '\n')
}

func quote(s string) string { return string(appendString(nil, s)) }
