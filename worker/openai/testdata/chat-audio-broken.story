# Sound that is not base64.
-- head --
content-type: text/event-stream
-- body --
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"audio":{"data":"*"}},"logprobs":null,"finish_reason":null}]}

data: [DONE]

-- events --
! provider_broken: the model server sent something that is not its format
