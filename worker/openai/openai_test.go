package openai_test

import (
	"net/http"
	"testing"

	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/openai"
	"github.com/karez/karez/worker/stream/streamtest"
)

// newProvider speaks the Responses API to stories "with: responses".
func newProvider(tb testing.TB, base string, c *http.Client, s streamtest.Story) worker.Provider {
	api := openai.APIChat
	if s.With == openai.APIResponses {
		api = s.With
	}
	p, err := openai.New(openai.Options{BaseURL: base + "/v1", Key: streamtest.Secret, Model: "small-1", API: api, Client: c})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestStories(t *testing.T) { streamtest.Stories(t, "testdata", newProvider) }

func TestFailures(t *testing.T) {
	t.Run(openai.APIChat, func(t *testing.T) {
		streamtest.Failures(t, `data: {"choices":[{"index":0,"delta":{"content":"It is "},"finish_reason":null}]}`+"\n\n", newProvider)
	})
	t.Run(openai.APIResponses, func(t *testing.T) {
		streamtest.Failures(t, `data: {"type":"response.output_text.delta","delta":"It is "}`+"\n\n", func(tb testing.TB, base string, c *http.Client, s streamtest.Story) worker.Provider {
			s.With = openai.APIResponses
			return newProvider(tb, base, c, s)
		})
	})
}

func FuzzAnswer(f *testing.F) { streamtest.Fuzz(f, "testdata", newProvider) }
