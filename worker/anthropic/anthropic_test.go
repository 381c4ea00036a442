package anthropic_test

import (
	"net/http"
	"testing"

	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/anthropic"
	"github.com/karez/karez/worker/stream/streamtest"
)

func newProvider(tb testing.TB, base string, c *http.Client, _ streamtest.Story) worker.Provider {
	p, err := anthropic.New(anthropic.Options{BaseURL: base + "/v1", Key: streamtest.Secret, Client: c})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestStories(t *testing.T) { streamtest.Stories(t, "testdata", newProvider) }

func TestFailures(t *testing.T) {
	streamtest.Failures(t, `data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"It is "}}`+"\n\n", newProvider)
}

func FuzzAnswer(f *testing.F) { streamtest.Fuzz(f, "testdata", newProvider) }
