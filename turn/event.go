package turn

import (
	"encoding/binary"
	"fmt"
)

// MaxData is the largest Data of one event, in bytes. Append refuses more; a
// worker splits text that is longer.
const MaxData = 256 << 10

// SchemaVersion is the version of the event schema written by this program, in
// the attribute AttrSchema of a turn's first event.
const SchemaVersion = "1"

// Names of common attributes.
const (
	AttrSchema = "v"           // schema version, on the first event of a log
	AttrTrace  = "traceparent" // W3C trace context, on the prompt
	AttrTime   = "at"          // Unix milliseconds at which the event was made, where a stage clock needs it
)

// An Event is one immutable entry of a log, or several neighbouring ones
// merged into one. Events are shared between readers: nobody changes one, nor
// the bytes it points to.
type Event struct {
	Seq   Seq   // the last place this event covers
	First Seq   // the first place it covers; 0 is the same as Seq
	Epoch Epoch // the try that wrote it
	Kind  Kind
	Part  string // which part of the answer it belongs to; "" is the main one
	Media string // media type of Data, for audio and files
	Name  string // name of a tool, of application data, of a custom event
	Data  []byte
	Attrs map[string]string // whatever else: times, trace context, schema version

	// Cuts are set only in a compacted log: the lengths in bytes of the
	// pieces that Data was merged from, all but the last, as varints. They
	// let a cursor inside the span continue at its exact place.
	Cuts []byte
}

// Start returns the first place that e covers.
func (e Event) Start() Seq {
	if e.First == 0 {
		return e.Seq
	}
	return e.First
}

// Size returns roughly what e costs in memory or on a wire, in bytes.
func (e Event) Size() int {
	n := 64 + len(e.Part) + len(e.Media) + len(e.Name) + len(e.Data) + len(e.Cuts)
	for k, v := range e.Attrs {
		n += 32 + len(k) + len(v)
	}
	return n
}

// After returns what of e follows place s: all of it, a tail of a compacted
// event, or nothing (ok is false). An event whose cuts do not reach s is an
// error of the log that holds it.
func (e Event) After(s Seq) (rest Event, ok bool, err error) {
	if e.Seq <= s {
		return Event{}, false, nil
	}
	if e.Start() > s {
		return e, true, nil
	}
	cuts, off := e.Cuts, 0
	for at := e.Start(); at <= s; at++ {
		n, w := binary.Uvarint(cuts)
		if w <= 0 || n > uint64(len(e.Data)-off) {
			return Event{}, false, fmt.Errorf("event %d to %d cannot be read after %d: no cut there", e.Start(), e.Seq, s)
		}
		cuts, off = cuts[w:], off+int(n)
	}
	e.First, e.Cuts, e.Data, e.Attrs = s+1, cuts, e.Data[off:], nil
	return e, true, nil
}
