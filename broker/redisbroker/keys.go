package redisbroker

import (
	"strings"

	"github.com/karez/karez/broker"
	"github.com/karez/karez/turn"
)

// The layout of keys is a public contract, written down in docs/producers.md.
// All keys of a channel share a hash tag, so that they stay in one slot of a
// cluster and a script may touch several.
const (
	prefix = "karez:"
	escape = "%{}" // bytes of an app or channel that a hash tag cannot hold as they are
)

// tag returns "karez:{app/channel}:".
func tag(app, channel string) string {
	return prefix + "{" + escaped(app) + "/" + escaped(channel) + "}:"
}

// logKey names the stream of a log. It is also the name of the pub/sub channel
// on which its entries are told.
func logKey(id turn.ID) string {
	return tag(id.App, id.Channel) + logPath(id)
}

// metaKey names a hash beside a log: ttl in milliseconds, and epoch where the
// log's own ids cannot hold it. A log that has none is whole without it.
func metaKey(id turn.ID) string {
	return tag(id.App, id.Channel) + "meta:" + logPath(id)
}

func logPath(id turn.ID) string {
	if id.Kind == turn.TimelineLog {
		return "timeline"
	}
	return string(id.Kind) + ":" + id.Name
}

func stateKey(k broker.Key) string {
	return tag(k.App, k.Channel) + "state:" + k.Name
}

func topicKey(t broker.Topic) string {
	return tag(t.App, t.Channel) + "signal:" + t.Name
}

// jobsKey names the stream of a queue, leasesKey the sorted set of its leases,
// wakeKey the stream that says that a job came back.
func jobsKey(queue string) string   { return prefix + "jobs:{" + escaped(queue) + "}" }
func leasesKey(queue string) string { return jobsKey(queue) + ":leases" }
func wakeKey(queue string) string   { return jobsKey(queue) + ":wake" }

// escaped writes '%', '{' and '}' as %25, %7B and %7D.
func escaped(s string) string {
	if !strings.ContainsAny(s, escape) {
		return s
	}
	return escaper.Replace(s)
}

var (
	escaper   = strings.NewReplacer("%", "%25", "{", "%7B", "}", "%7D")
	unescaper = strings.NewReplacer("%25", "%", "%7B", "{", "%7D", "}")
)

// parseLogKey is the inverse of logKey; ok is false for a key that names no log.
func parseLogKey(key string) (id turn.ID, ok bool) {
	rest, ok := strings.CutPrefix(key, prefix+"{")
	if !ok {
		return id, false
	}
	inside, path, ok := strings.Cut(rest, "}:")
	if !ok {
		return id, false
	}
	app, channel, ok := strings.Cut(inside, "/")
	if !ok {
		return id, false
	}
	id = turn.ID{App: unescaper.Replace(app), Channel: unescaper.Replace(channel)}
	kind, name, _ := strings.Cut(path, ":")
	id.Kind, id.Name = turn.LogKind(kind), name
	return id, id.Check() == nil && logKey(id) == key
}

// pattern matches all keys of a channel, for SCAN.
func pattern(app, channel string) string {
	return globber.Replace(tag(app, channel)) + "*"
}

var globber = strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`, `^`, `\^`)
