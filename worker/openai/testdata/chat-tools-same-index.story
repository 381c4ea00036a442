# A server that numbers all its calls 0, and gives arguments as an object.
-- head --
content-type: text/event-stream
-- body --
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a","function":{"name":"weather","arguments":{"city":"Yazd"}}}]},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"b","function":{"name":"clock","arguments":"{}"}}]},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"tool_calls"}]}

data: [DONE]

-- events --
tool part=a name=weather "{\"city\":\"Yazd\"}"
tool part=b name=clock "{}"
tool_input part=a name=weather {"city":"Yazd"}
tool_input part=b name=clock {}
= tool_calls
