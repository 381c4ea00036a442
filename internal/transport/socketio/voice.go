package socketio

import (
	"encoding/base64"
	"errors"
	"slices"

	"github.com/karez/karez/socketio"
	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// Bounds of the voice that waits on one connection for its prompt. A prompt is
// one event of a log, of 252 KiB as JSON; in base64 this leaves room for its
// text. At 32 kbit/s it is 46 seconds.
const (
	maxVoice  = 184 << 10 // bytes of one message
	maxVoices = 2         // messages at once; the oldest goes
)

// A voice is what a client has said so far of one message.
type voice struct {
	message string
	media   string
	data    []byte
}

// voiceHead is the first argument of an event voice; the second is a chunk.
type voiceHead struct {
	Message string `json:"message"`
	Media   string `json:"media_type"`
}

// voice takes one chunk of what a person says, until prompt, with audio true,
// makes a message of it.
func (t *Transport) voice(s *socketio.Socket, e *socketio.Event) {
	var head voiceHead
	var out reply
	chunk := e.Arg(1).Bytes()
	err := e.Arg(0).Decode(&head)
	switch {
	case err != nil || head.Message == "" || len(head.Message) > wire.MaxMessage || len(head.Media) > 128 || chunk == nil:
		out.Error = errVoiceForm.Wire()
	default:
		if err = viewerOf(s).hear(head, chunk); err != nil {
			out.Error = t.explain(err, "take voice")
		}
	}
	if err := e.Ack(out); errors.Is(err, socketio.ErrFull) {
		s.Disconnect(true)
	}
}

func (v *viewer) hear(head voiceHead, chunk []byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.voices, func(w *voice) bool { return w.message == head.Message })
	if i < 0 {
		if len(v.voices) == maxVoices {
			v.voices = v.voices[1:]
		}
		i = len(v.voices)
		v.voices = append(v.voices, &voice{message: head.Message, media: "audio/wav"})
	}
	w := v.voices[i]
	if head.Media != "" {
		w.media = head.Media
	}
	if len(w.data)+len(chunk) > maxVoice {
		v.voices = slices.Delete(v.voices, i, i+1)
		return errVoice
	}
	w.data = append(w.data, chunk...)
	return nil
}

// spoken makes content of what was said for a message.
func (v *viewer) spoken(message string) (turn.Content, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, w := range v.voices {
		if w.message == message {
			return turn.Content{Type: "audio", URL: "data:" + w.media + ";base64," + base64.StdEncoding.EncodeToString(w.data), Media: w.media}, nil
		}
	}
	return turn.Content{}, errNoVoice
}

// hush forgets it.
func (v *viewer) hush(message string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.voices = slices.DeleteFunc(v.voices, func(w *voice) bool { return w.message == message })
}
