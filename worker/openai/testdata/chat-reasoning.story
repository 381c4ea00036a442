# Thinking under both of the names that servers have for it.
-- head --
content-type: text/event-stream
-- body --
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"reasoning_content":"First, "},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"reasoning":"then."},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"content":"So."},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"reasoning":"Wait."},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"content":" Done."},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}

data: [DONE]

-- events --
reasoning "First, then."
text "So."
reasoning part=2 "Wait."
text part=2 " Done."
= stop
