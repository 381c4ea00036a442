package native

import (
	"testing"

	"github.com/karez/karez/wire"
)

// Status and close code of every code, as docs/protocol.md has them.
func TestStatusAndCloseCode(t *testing.T) {
	want := map[string][2]int{
		wire.CodeBadFrame: {400, 4400}, wire.CodeBadRequest: {400, 4400}, wire.CodeUnknownCommand: {400, 4400},
		wire.CodeUnauthorized: {401, 4401}, wire.CodeExpired: {401, 4408}, wire.CodeForbidden: {403, 4403},
		wire.CodeNotFound: {404, 4400}, wire.CodeTooLarge: {413, 1009}, wire.CodeTooMany: {429, 4400},
		wire.CodeBusy: {409, 4400}, wire.CodeConflict: {409, 4400}, wire.CodeEnded: {409, 4400}, wire.CodeTrimmed: {410, 4400},
		wire.CodeSlowDown: {429, 1013}, wire.CodeUnavailable: {503, 1013}, wire.CodeDraining: {503, 1012}, wire.CodeInternal: {500, 1011},
	}
	for _, c := range wire.Codes() {
		if got := [2]int{Status(c), closeCode(c)}; got != want[c] {
			t.Errorf("%s: %v, want %v", c, got, want[c])
		}
	}
}
