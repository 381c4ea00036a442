package redisbroker

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Names of the fields that follow the payload. Attributes of an event stand
// under their own names, after attrPrefix if that name is one of these or
// begins with the prefix itself.
const (
	fieldPart  = "part"
	fieldMedia = "media"
	fieldName  = "name"
	fieldFirst = "first" // of a compacted entry: the first place it covers
	fieldCuts  = "cuts"  // of a compacted entry: turn.Event.Cuts
	fieldEpoch = "epoch" // where the id cannot hold it

	attrPrefix = "attr:"
)

func reserved(name string) bool {
	switch name {
	case fieldPart, fieldMedia, fieldName, fieldFirst, fieldCuts, fieldEpoch:
		return true
	}
	return strings.HasPrefix(name, attrPrefix)
}

// appendEntry adds to args the number of an event's fields, and the fields.
func appendEntry(args []string, ev *turn.Event) []string {
	at := len(args)
	args = append(args, "", string(ev.Kind), string(ev.Data))
	for _, f := range [...]struct{ name, val string }{
		{fieldPart, ev.Part}, {fieldMedia, ev.Media}, {fieldName, ev.Name}, {fieldCuts, string(ev.Cuts)},
	} {
		if f.val != "" {
			args = append(args, f.name, f.val)
		}
	}
	if ev.First != 0 && ev.First != ev.Seq {
		args = append(args, fieldFirst, utoa(uint64(ev.First)))
	}
	if len(ev.Attrs) > 0 {
		for _, k := range slices.Sorted(maps.Keys(ev.Attrs)) {
			name := k
			if reserved(k) {
				name = attrPrefix + k
			}
			args = append(args, name, ev.Attrs[k])
		}
	}
	args[at] = strconv.Itoa(len(args) - at - 1)
	return args
}

// decode makes an event of an entry's fields; its place and epoch are given,
// and a field may say an earlier First and another epoch. Errors wrap
// broker.ErrMalformed.
func decode(e turn.Epoch, s turn.Seq, fields []string) (turn.Event, error) {
	ev := turn.Event{Seq: s, Epoch: e}
	if len(fields) < 2 || len(fields)%2 != 0 || fields[0] == "" {
		return ev, malformed(s, "an entry begins with the kind of the event and its payload")
	}
	if n := len(fields[1]); n > turn.MaxData {
		return ev, malformed(s, fmt.Sprintf("its payload has %d bytes, at most %d are allowed", n, turn.MaxData))
	}
	ev.Kind, ev.Data = turn.Kind(fields[0]), []byte(fields[1])
	for i := 2; i < len(fields); i += 2 {
		if err := addField(&ev, fields[i], fields[i+1]); err != nil {
			return ev, malformed(s, err.Error())
		}
	}
	if ev.First == ev.Seq {
		ev.First = 0
	}
	return ev, nil
}

// addField takes in one field after the first.
func addField(ev *turn.Event, name, val string) error {
	if len(val) > turn.MaxData {
		return fmt.Errorf("its field %.40q has %d bytes, at most %d are allowed", name, len(val), turn.MaxData)
	}
	switch name {
	case fieldPart:
		ev.Part = val
	case fieldMedia:
		ev.Media = val
	case fieldName:
		ev.Name = val
	case fieldCuts:
		ev.Cuts = []byte(val)
	case fieldFirst:
		n, err := strconv.ParseUint(val, 10, 64)
		if err != nil || n == 0 || turn.Seq(n) > ev.Seq {
			return fmt.Errorf("its field first is %.40q", val)
		}
		ev.First = turn.Seq(n)
	case fieldEpoch:
		n, err := strconv.ParseUint(val, 10, 64)
		if err != nil || n >= clockIDs {
			return fmt.Errorf("its field epoch is %.40q", val)
		}
		ev.Epoch = turn.Epoch(n)
	default:
		if ev.Attrs == nil {
			ev.Attrs = make(map[string]string)
		}
		ev.Attrs[strings.TrimPrefix(name, attrPrefix)] = val
	}
	return nil
}

// clockIDs is where ids made by Redis of its clock begin: as milliseconds it
// is the year 1973, as an epoch it is never reached.
const clockIDs = 100_000_000_000

// An entryID is the id of a stream's entry: epoch and Seq, or what Redis made
// of its clock.
type entryID struct{ hi, lo uint64 }

func (i entryID) clock() bool    { return i.hi >= clockIDs }
func (i entryID) String() string { return utoa(i.hi) + "-" + utoa(i.lo) }

func parseID(s string) (id entryID, err error) {
	hi, lo, ok := strings.Cut(s, "-")
	if !ok {
		return id, errors.New("an id of two halves was expected")
	}
	if id.hi, err = strconv.ParseUint(hi, 10, 64); err != nil {
		return id, err
	}
	id.lo, err = strconv.ParseUint(lo, 10, 64)
	return id, err
}

func malformed(s turn.Seq, why string) error {
	return fmt.Errorf("%w at %d: %s", broker.ErrMalformed, s, why)
}

func utoa(n uint64) string { return strconv.FormatUint(n, 10) }
