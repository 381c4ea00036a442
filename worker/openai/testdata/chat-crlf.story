# Line ends of CRLF, comments, an event name, data over two lines.
-- head --
content-type: text/event-stream
crlf
-- body --
: OPENROUTER PROCESSING

event: ping
data: {}

data: {"choices":[{"index":0,
data: "delta":{"content":"Hello"},"finish_reason":null}]}

id: 7
retry: 1000

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}

data: [DONE]

-- events --
text "Hello"
= stop
