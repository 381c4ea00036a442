package wire

import (
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/karez/karez/turn"
)

// AppendLine appends an event as one JSON object: what an event frame holds,
// with seq and epoch beside it. The HTTP API reads and writes logs as lines of
// these (NDJSON).
func AppendLine(dst []byte, ev *turn.Event) []byte {
	dst = append(dst, `{"seq":`...)
	dst = strconv.AppendUint(dst, uint64(ev.Seq), 10)
	if ev.First != 0 && ev.First != ev.Seq {
		dst = append(dst, `,"first":`...)
		dst = strconv.AppendUint(dst, uint64(ev.First), 10)
	}
	dst = append(dst, `,"epoch":`...)
	dst = strconv.AppendUint(dst, uint64(ev.Epoch), 10)
	return append(appendContent(append(dst, ','), ev), '}')
}

// DecodeLine reads an event that a back end wants to append: kind, and one of
// text, data and bytes; part, name, media and attrs if need be. kind may be
// left out for text. seq and epoch are read too, 0 if absent. The error is an
// *Error with code bad_request.
func DecodeLine(p []byte) (turn.Event, error) {
	var in struct {
		Seq   turn.Seq   `json:"seq"`
		First turn.Seq   `json:"first"`
		Epoch turn.Epoch `json:"epoch"`
	}
	var ev turn.Event
	err := checkJSON(p, '{')
	if err == nil {
		err = jsonError(json.Unmarshal(p, &in))
	}
	if err == nil {
		err = readContent(p, &ev)
	}
	ev.Seq, ev.First, ev.Epoch = in.Seq, in.First, in.Epoch
	if ev.Kind == "" {
		ev.Kind = turn.KindText
	}
	if err == nil {
		err = ev.Check()
	}
	if err == nil && len(ev.Data) > turn.MaxData {
		err = fmt.Errorf("the event has %d bytes, the most is %d", len(ev.Data), turn.MaxData)
	}
	if err != nil {
		return turn.Event{}, &Error{Code: CodeBadRequest, Message: err.Error(), Hint: `an event is {"kind":"text","text":"…"}, or has data (JSON) or bytes (base64)`}
	}
	return ev, nil
}
