# An error in the middle, of OpenAI's shape.
-- head --
content-type: text/event-stream
-- body --
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"content":"Hel"},"logprobs":null,"finish_reason":null}]}

data: {"error":{"message":"The server had an error","type":"server_error","param":null,"code":null}}

-- events --
text "Hel"
! provider_unavailable, retry: the model server reported an error: The server had an error
