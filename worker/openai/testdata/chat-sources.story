# Annotations become sources.
-- head --
content-type: text/event-stream
-- body --
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"content":"See.","annotations":[{"type":"url_citation","url_citation":{"url":"https://example.org","title":"Sky"}},{"url":"https://example.net"}]},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}

data: [DONE]

-- events --
text "See."
source {"url":"https://example.org","title":"Sky"}
source {"url":"https://example.net"}
= stop
