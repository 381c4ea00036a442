// Package answer reads the log of one turn for one HTTP answer and writes it
// as server-sent events. It is what the transports that answer a request from a
// turn's log share (internal/transport/aisdk, internal/transport/openai): who
// asks, the events of a turn piece by piece, what of them a later epoch left,
// and the writing with its deadlines.
//
// Some of their clients come back with a number that counts what they were
// sent. So a Reader gives each event by itself, as it was appended, whatever
// was merged or compacted since; a transport numbers these and merges after.
//
// It knows no protocol. Read reader.go, survive.go and sse.go.
package answer
