package membroker

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// Keys of the folder: a letter for what it is, then length-prefixed names, so
// that any channel name is safe and a channel's keys stand together.
//
//	l <app> <channel> <kind> <name>            meta of a log
//	e <app> <channel> <kind> <name> <seq>      an event, at the last place it covers
//	s <app> <channel> <name>                   a value of State
//	j <queue> <number>                         a job
const (
	metaKey  = 'l'
	eventKey = 'e'
	stateKey = 's'
	jobKey   = 'j'
)

// names appends names, each after its length.
func names(dst []byte, ss ...string) []byte {
	for _, s := range ss {
		dst = binary.BigEndian.AppendUint16(dst, uint16(len(s)))
		dst = append(dst, s...)
	}
	return dst
}

// checkNames refuses names that are too long for a key. Those of logs are not:
// turn.ID.Check bounds them.
func checkNames(ss ...string) error {
	for _, s := range ss {
		if len(s) > math.MaxUint16 {
			return fmt.Errorf("a name of %d bytes, the most is %d: %w", len(s), math.MaxUint16, broker.ErrTooLarge)
		}
	}
	return nil
}

// cutNames reads what names wrote, after the letter what.
func cutNames(k []byte, what byte, to ...*string) (rest []byte, err error) {
	if len(k) == 0 || k[0] != what {
		return nil, brokenKey(k)
	}
	rest = k[1:]
	for _, s := range to {
		if len(rest) < 2 || len(rest)-2 < int(binary.BigEndian.Uint16(rest)) {
			return nil, brokenKey(k)
		}
		n := 2 + int(binary.BigEndian.Uint16(rest))
		*s, rest = string(rest[2:n]), rest[n:]
	}
	return rest, nil
}

func brokenKey(k []byte) error { return fmt.Errorf("broken key %.100q", k) }

func logKey(what byte, id turn.ID) []byte {
	return names([]byte{what}, id.App, id.Channel, string(id.Kind), id.Name)
}

func parseLogKey(k []byte) (id turn.ID, err error) {
	var kind string
	rest, err := cutNames(k, metaKey, &id.App, &id.Channel, &kind, &id.Name)
	if err == nil && len(rest) > 0 {
		err = brokenKey(k)
	}
	id.Kind = turn.LogKind(kind)
	return id, err
}

// seqKey is the key of an event whose log has this prefix.
func seqKey(prefix []byte, s turn.Seq) []byte {
	return binary.BigEndian.AppendUint64(prefix[:len(prefix):len(prefix)], uint64(s))
}

// parseSeqKey reads the place of an event whose log has this prefix.
func parseSeqKey(prefix, k []byte) (turn.Seq, error) {
	if len(k) != len(prefix)+8 {
		return 0, brokenKey(k)
	}
	return turn.Seq(binary.BigEndian.Uint64(k[len(prefix):])), nil
}

func jobKeyOf(queue string, n uint64) []byte {
	return binary.BigEndian.AppendUint64(names([]byte{jobKey}, queue), n)
}

func parseJobKey(k []byte) (queue string, n uint64, err error) {
	rest, err := cutNames(k, jobKey, &queue)
	if err == nil && len(rest) != 8 {
		err = brokenKey(k)
	}
	if err != nil {
		return "", 0, err
	}
	return queue, binary.BigEndian.Uint64(rest), nil
}

func stateKeyOf(k broker.Key) []byte {
	return names([]byte{stateKey}, k.App, k.Channel, k.Name)
}

func parseStateKey(k []byte) (key broker.Key, err error) {
	rest, err := cutNames(k, stateKey, &key.App, &key.Channel, &key.Name)
	if err == nil && len(rest) > 0 {
		err = brokenKey(k)
	}
	return key, err
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
