# The operator names the format of a stream labelled as text.
-- head --
with: openai
content-type: text/plain
-- body --
data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}

data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

-- events --
text "Hello"
= stop
