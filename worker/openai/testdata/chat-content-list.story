# A server that gives content as a list, and a finish_reason of its own.
-- head --
content-type: text/event-stream
-- body --
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"content":[{"type":"text","text":"Hel"},{"type":"text","text":"lo"}]},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"weird"}]}

data: [DONE]

-- events --
text "Hello"
= other
