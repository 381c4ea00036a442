package client

import (
	"math/rand/v2"
	"time"
)

// Times of docs/protocol.md, "Staying connected".
const (
	silence   = 45 * time.Second // nothing heard for so long: the connection is dead
	stable    = 10 * time.Second // a connection that lasted so long begins the pauses anew
	firstWait = 500 * time.Millisecond
	mostWait  = 10 * time.Second
)

// Times of our own.
const (
	openTime    = 15 * time.Second // in which the server must welcome us; the token function gets as much
	probeTime   = 5 * time.Second  // in which it must answer a ping
	commandTime = 40 * time.Second // for one POST: the server takes at most 30 s
	resyncPause = 2 * time.Second  // between two snapshots of one channel
	firstTry    = 10 * time.Second // from falling back to SSE to the next try with a WebSocket
	mostTry     = 10 * time.Minute
)

// backoff returns the pause before try n (0, 1, 2, …): up to half a second
// first, for a server that dies loses all its clients at once, then pauses
// that double, each with some chance in it.
func backoff(n int) time.Duration {
	if n == 0 {
		return rand.N(firstWait)
	}
	most := min(mostWait, firstWait<<min(n-1, 10))
	return most/2 + rand.N(most/2)
}
