# [DONE] is an end, with or without a finish_reason.
-- head --
content-type: text/event-stream
-- body --
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"content":"Hello"},"logprobs":null,"finish_reason":null}]}

data: [DONE]

-- events --
text "Hello"
= stop
