// Package worker answers prompts: it takes a job under a lease, opens the next
// epoch of the turn's log, asks a Provider, and appends what it says until the
// turn has ended.
//
// Everything that must outlive this process is in the broker. A worker that
// dies or freezes at any point loses its lease; the next one finds in the log
// how far the answer is, and goes on or starts over under a later epoch, which
// fences this one (design: 3, one author).
//
// It is not where prompts are accepted or queued (internal/turns), and it
// knows no model: providers are the packages below this one. Package demo
// needs no model, package scripted plays a file.
//
// Read run.go, the way of a token, then author.go and epoch.go (the log's
// side), take.go and lease.go (the queue's side), provider.go, context.go,
// retry.go and webhook.go.
package worker
