package upstream_test

import (
	"net/http"
	"slices"
	"testing"

	"github.com/karez/karez/worker"
	"github.com/karez/karez/worker/stream/streamtest"
	"github.com/karez/karez/worker/upstream"
)

func newProvider(tb testing.TB, base string, c *http.Client, s streamtest.Story) worker.Provider {
	p, err := upstream.New(upstream.Options{
		URL: base + "/api/chat", Answer: s.With, Client: c,
		Header: http.Header{"Authorization": {"Bearer " + streamtest.Secret}},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func TestStories(t *testing.T) { streamtest.Stories(t, "testdata", newProvider) }

func TestFailures(t *testing.T) {
	streamtest.Failures(t, `data: {"type":"text-delta","id":"0","delta":"It is "}`+"\n\n", newProvider)
}

func FuzzAnswer(f *testing.F) {
	streamtest.Fuzz(f, "testdata", func(tb testing.TB, base string, c *http.Client, s streamtest.Story) worker.Provider {
		if !slices.Contains(upstream.Answers, s.With) {
			s.With = upstream.AnswerAuto
		}
		return newProvider(tb, base, c, s)
	})
}
