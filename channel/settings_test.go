package channel

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestSettingsCheck(t *testing.T) {
	for _, c := range []struct {
		set  Settings
		want string // in the error; "": none
	}{
		{Settings{}, ""},
		{Settings{Policy: Reject, HistoryMessages: -1, MaxQueue: 1000, Params: json.RawMessage(`{"a":1}`)}, ""},
		{Settings{Policy: "hurry"}, `"hurry"`},
		{Settings{System: strings.Repeat("x", MaxSystem+1)}, "system"},
		{Settings{Params: json.RawMessage(`[1]`)}, "params"},
		{Settings{Params: json.RawMessage(`{`)}, "params"},
		{Settings{HistoryMessages: -2}, "history_messages"},
		{Settings{HistoryTokens: -1}, "history_tokens"},
		{Settings{MaxQueue: 1001}, "max_queue"},
		{Settings{RetentionHours: -1}, "retention_hours"},
		{Settings{RetentionHours: MaxRetentionHours}, ""},
		{Settings{RetentionHours: MaxRetentionHours + 1}, "retention_hours"},
		{Settings{RetentionHours: 1_000_000_000_000}, "retention_hours"},
	} {
		err := c.set.Check()
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+.80v: %v", c.set, err)
		}
	}
}

func TestSettingsOver(t *testing.T) {
	base := Settings{Policy: Replace, System: "s", Model: "m", Params: json.RawMessage(`{}`), HistoryMessages: 1, HistoryTokens: 2, MaxQueue: 3, RetentionHours: 4}
	a, _ := json.Marshal(Settings{}.Over(base))
	b, _ := json.Marshal(base)
	if string(a) != string(b) {
		t.Errorf("nothing over base: %s", a)
	}
	own := Settings{Policy: Queue, System: "S", Model: "M", Params: json.RawMessage(`{"a":1}`), HistoryMessages: -1, HistoryTokens: 20, MaxQueue: 30, RetentionHours: 40}
	a, _ = json.Marshal(own.Over(base))
	if b, _ = json.Marshal(own); string(a) != string(b) {
		t.Errorf("all over base: %s", a)
	}
}
