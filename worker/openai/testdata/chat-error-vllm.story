# An error in the middle, with a status as its code.
-- head --
content-type: text/event-stream
-- body --
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"content":"Hel"},"logprobs":null,"finish_reason":null}]}

data: {"object":"error","message":"context is 4096 tokens","type":"BadRequestError","code":400}

-- events --
text "Hel"
! provider_rejected: the model server reported an error: context is 4096 tokens
