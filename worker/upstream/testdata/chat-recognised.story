# Chat completions, told by their choices.
-- head --
content-type: text/event-stream
-- body --
data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}

data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{"content":"It is "},"finish_reason":null}]}

data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{"content":"青い"},"finish_reason":null}]}

data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: {"object":"chat.completion.chunk","model":"small-1","choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}

data: [DONE]

-- events --
text "It is 青い"
usage {"input_tokens":3,"output_tokens":2,"model":"small-1"}
= stop
