//go:build !linux

package socket

import "net"

const maxVec = 1024

// valveFor returns the blocking valve: correct everywhere, and fast enough for
// a developer's machine. Servers run Linux.
func valveFor(nc net.Conn) valve { return blocking{nc} }
