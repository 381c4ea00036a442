package membroker

import (
	"encoding/binary"
	"fmt"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"

	"github.com/karez/karez/turn"
)

// names appends names, each after its length.
func names(dst []byte, ss ...string) []byte {
	for _, s := range ss {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
		dst = append(dst, s...)
	}
	return dst
}

// cutName reads what names wrote.
func cutName(p []byte) (name string, rest []byte, err error) {
	if len(p) < 2 || len(p)-2 < int(binary.BigEndian.Uint16(p)) {
		return "", nil, fmt.Errorf("the data folder has a broken key %q", p)
	}
	n := int(binary.BigEndian.Uint16(p))
	return string(p[2 : 2+n]), p[2+n:], nil
}

func logKey(what byte, id turn.ID) []byte {
	return names([]byte{what}, id.App, id.Channel, string(id.Kind), id.Name)
}

func parseLog(k []byte) (id turn.ID, err error) {
	var kind string
	rest := k[1:]
	for _, to := range []*string{&id.App, &id.Channel, &kind, &id.Name} {
		if *to, rest, err = cutName(rest); err != nil {
			return id, err
		}
	}
	id.Kind = turn.LogKind(kind)
	return id, nil
}

func numbered(queue string, n uint64) []byte {
	return binary.BigEndian.AppendUint64(names([]byte{jobKey}, queue), n)
}

// after returns the least key behind all that begin with prefix.
func after(prefix []byte) []byte {
	out := append([]byte(nil), prefix...)
	for i := len(out) - 1; i >= 0; i-- {
		if out[i]++; out[i] != 0 {
			return out[:i+1]
		}
	}
	return nil
}

// A listener passes on what an operator wants to hear of the storage library,
// such as that the end of its journal was torn and is repaired.
type listener struct{ log *slog.Logger }

func (l *listener) Infof(format string, args ...any) {
	l.log.Debug("storage: " + fmt.Sprintf(format, args...))
}
func (l *listener) Errorf(format string, args ...any) {
	l.log.Error("storage: " + fmt.Sprintf(format, args...))
}

// Fatalf is called when the library cannot go on, as on a full disk. Going on
// would acknowledge what is not kept.
func (l *listener) Fatalf(format string, args ...any) {
	panic("storage: " + fmt.Sprintf(format, args...))
}

func (l *listener) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) { l.log.Error("storage", "err", err) },
	}
}
