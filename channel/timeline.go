package channel

// The kinds of event on a timeline. Their numbers are the timeline's own.
const (
	KindTurn    = "turn"     // JSON of Begun: a prompt was accepted
	KindTurnEnd = "turn_end" // JSON of Ended
	KindCustom  = "custom"   // any JSON; Name is the application's word, attribute AttrFrom who sent it
)

// AttrFrom is the attribute that names the user behind a custom event.
const AttrFrom = "from"

// Begun is the payload of KindTurn. The prompt itself is the first event of
// the turn's own log. An entry may stand twice when a process died while
// writing it: for each turn the first one counts.
type Begun struct {
	Turn       string `json:"turn"`
	Message    string `json:"message,omitempty"` // the client's own id of the message
	User       string `json:"user,omitempty"`
	Parent     string `json:"parent,omitempty"` // "": see Tree.Begin
	Supersedes string `json:"supersedes,omitempty"`
}

// Ended is the payload of KindTurnEnd; the first one of a turn counts.
type Ended struct {
	Turn  string `json:"turn"`
	State string `json:"state"`
}
