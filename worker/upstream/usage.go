package upstream

import (
	"encoding/json"

	"github.com/karez/karez/turn"
)

// usageOf reads a usage object by any of the names that endpoints have for the
// same four numbers; nil if there is none. The last two may be one level down.
func usageOf(raw json.RawMessage) *turn.Usage {
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) != nil {
		return nil
	}
	u := turn.Usage{
		Input:     first(o, "inputTokens", "input_tokens", "promptTokens", "prompt_tokens"),
		Output:    first(o, "outputTokens", "output_tokens", "completionTokens", "completion_tokens"),
		Cached:    first(o, "cachedInputTokens", "cached_tokens", "cache_read_input_tokens"),
		Reasoning: first(o, "reasoningTokens", "reasoning_tokens"),
	}
	for _, k := range []string{"inputTokenDetails", "outputTokenDetails", "prompt_tokens_details", "completion_tokens_details"} {
		var details map[string]json.RawMessage
		if json.Unmarshal(o[k], &details) == nil {
			u.Cached = max(u.Cached, first(details, "cacheReadTokens", "cached_tokens"))
			u.Reasoning = max(u.Reasoning, first(details, "reasoningTokens", "reasoning_tokens"))
		}
	}
	if u.Input == 0 && u.Output == 0 {
		return nil
	}
	return &u
}

// metadataUsage finds the usage that an application put into its messages'
// metadata.
func metadataUsage(raw json.RawMessage) *turn.Usage {
	var o map[string]json.RawMessage
	if json.Unmarshal(raw, &o) != nil {
		return nil
	}
	for _, in := range []json.RawMessage{o["totalUsage"], o["usage"], raw} {
		if u := usageOf(in); u != nil {
			u.Model = str(o["model"])
			return u
		}
	}
	return nil
}

func first(o map[string]json.RawMessage, names ...string) int64 {
	for _, n := range names {
		var f float64
		if json.Unmarshal(o[n], &f) == nil && f > 0 {
			return count(f)
		}
	}
	return 0
}

// count keeps a server's number within what a count can be.
func count(f float64) int64 {
	if !(f > 0) {
		return 0
	}
	return int64(min(f, 1e15))
}
