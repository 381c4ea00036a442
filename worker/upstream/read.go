package upstream

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"

	"github.com/karez/karez/worker/stream"
)

// A label is what an answer's headers say that it is.
type label int

const (
	unlabelled label = iota // nothing, or nothing that can be believed
	labelText
	labelSSE
	labelJSON
	labelData // the AI SDK's data stream
	labelHTML
)

func labelOf(h http.Header) label {
	if h.Get("X-Vercel-Ai-Data-Stream") != "" {
		return labelData
	}
	if h.Get("X-Vercel-Ai-Ui-Message-Stream") != "" {
		return labelSSE
	}
	media, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		media, _, _ = strings.Cut(h.Get("Content-Type"), ";")
	}
	switch media = strings.ToLower(strings.TrimSpace(media)); {
	case media == "text/event-stream":
		return labelSSE
	case strings.Contains(media, "json"): // also x-ndjson, jsonl, stream+json
		return labelJSON
	case media == "text/html", media == "application/xhtml+xml": // also what PHP says of anything
		return labelHTML
	case strings.HasPrefix(media, "text/"):
		return labelText
	}
	return unlabelled
}

// read reads the whole answer.
func (p *Provider) read(r *stream.Reply, w *stream.Writer) (string, error) {
	l := labelOf(r.Header)
	if f := p.o.Answer; f != AnswerAuto {
		return p.readAs(f, l, r, w)
	}
	switch l {
	case labelText:
		return r.Decode(stream.Bytes, w, newText(w))
	case labelData:
		return r.Decode(stream.Lines, w, newData(w, p.client))
	}
	k, head, err := peek(r, l)
	if err != nil {
		return "", err
	}
	body := io.MultiReader(bytes.NewReader(head), r)
	switch k {
	case isSSE:
		if r.Header.Get("X-Vercel-Ai-Ui-Message-Stream") != "" {
			return r.DecodeFrom(body, stream.SSE, w, newUI(w, p.client))
		}
		return r.DecodeFrom(body, stream.SSE, w, newAuto(w, p.client))
	case isJSON:
		return r.DecodeFrom(body, stream.JSON, w, newAuto(w, p.client))
	case isHTML:
		return "", p.client.WebPage()
	}
	return r.DecodeFrom(body, stream.Bytes, w, newText(w))
}

// readAs reads an answer of the format that the operator named.
func (p *Provider) readAs(format string, l label, r *stream.Reply, w *stream.Writer) (string, error) {
	d := decoder(format, w, p.client)
	switch format {
	case AnswerText:
		return r.Decode(stream.Bytes, w, d)
	case AnswerData:
		return r.Decode(stream.Lines, w, d)
	}
	k, head, err := peek(r, l)
	if err != nil {
		return "", err
	}
	framing := stream.SSE
	if first := bytes.TrimSpace(head); k == isJSON || len(first) > 0 && first[0] == '{' {
		framing = stream.JSON
	}
	return r.DecodeFrom(io.MultiReader(bytes.NewReader(head), r), framing, w, d)
}
