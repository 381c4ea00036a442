# An error object in the middle of the stream.
-- head --
content-type: text/event-stream
-- body --
data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{"content":"It is "},"finish_reason":null}]}

data: {"error":{"message":"Rate limit reached for small-1","type":"rate_limit_error","code":"rate_limit_exceeded"}}

-- events --
text "It is "
! provider_rate_limited, retry: the chat endpoint reported an error: Rate limit reached for small-1
