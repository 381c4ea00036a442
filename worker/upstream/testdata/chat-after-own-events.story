# An application sends events of its own ahead of the model's stream.
-- head --
content-type: text/event-stream
-- body --
event: conversation
data: {"conversation_id":"c9"}

event: ping
data: {}

data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}

data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}

data: [DONE]

-- events --
data name=conversation {"conversation_id":"c9"}
text "Hello"
= length
