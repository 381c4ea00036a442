// Package channel is the domain of a channel: a named place where people and
// agents meet. It says what stands on a channel's timeline (timeline.go), how
// a timeline folds into a conversation with its branches (tree.go), what may
// be set for a channel (settings.go), and which turn runs when several are
// asked for at once (record.go) and which one it follows (tail.go). Like
// package turn it is pure.
package channel
