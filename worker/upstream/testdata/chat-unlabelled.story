# Chat completions with no content type: the first event shows them.
-- head --

-- body --
data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}

data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: [DONE]

-- events --
text "Hello"
= stop
