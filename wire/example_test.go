package wire_test

import (
	"fmt"

	"github.com/karez/karez/turn"
	"github.com/karez/karez/wire"
)

// A token on its way to two readers: the body is encoded once, each reader has
// its own number for the log.
func ExampleCodec() {
	ev := turn.Event{Seq: 480, Kind: turn.KindText, Data: []byte(" steadily")}
	body := wire.JSON.AppendBody(nil, &ev)
	for _, n := range []uint32{1, 7} {
		fmt.Printf("%s\n", append(wire.JSON.AppendHead(nil, n), body...))
	}
	// Output:
	// [1,480," steadily"]
	// [7,480," steadily"]
}

// A server reads a command, whatever the codec, and says what is missing.
func ExampleCommand_Check() {
	codec, _ := wire.ByName("karez.v1.json")
	cmd, err := codec.DecodeCommand([]byte(`{"id":1,"type":"cancel","channel":"chat:42"}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(cmd.ID, cmd.Check())
	// Output: 1 bad_request: cancel: turn is missing or not allowed (name the turn, or the message it answers)
}
