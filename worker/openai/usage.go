package openai

import (
	"encoding/json"

	"github.com/karez/karez/turn"
)

// parseUsage reads the usage object of either API; nil if there is none.
func parseUsage(raw json.RawMessage) *turn.Usage {
	if !rawObject(raw) {
		return nil
	}
	type details struct {
		Cached    float64 `json:"cached_tokens"`
		Reasoning float64 `json:"reasoning_tokens"`
	}
	var u struct {
		Prompt        float64 `json:"prompt_tokens"`
		Completion    float64 `json:"completion_tokens"`
		PromptDet     details `json:"prompt_tokens_details"`
		CompletionDet details `json:"completion_tokens_details"`

		Input     float64 `json:"input_tokens"`
		Output    float64 `json:"output_tokens"`
		InputDet  details `json:"input_tokens_details"`
		OutputDet details `json:"output_tokens_details"`
	}
	if json.Unmarshal(raw, &u) != nil {
		return nil
	}
	out := &turn.Usage{
		Input:     count(u.Prompt + u.Input),
		Output:    count(u.Completion + u.Output),
		Cached:    count(u.PromptDet.Cached + u.InputDet.Cached),
		Reasoning: count(u.CompletionDet.Reasoning + u.OutputDet.Reasoning),
	}
	if *out == (turn.Usage{}) {
		return nil
	}
	return out
}

// count keeps a server's number within what a count can be.
func count(f float64) int64 {
	if !(f > 0) {
		return 0
	}
	return int64(min(f, 1e15))
}
