# The call of a function as it was before tools.
-- head --
content-type: text/event-stream
-- body --
data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"function_call":{"name":"weather","arguments":"{\"a\""}},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{"function_call":{"arguments":":1}"}},"logprobs":null,"finish_reason":null}]}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"small-1-2026","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"function_call"}]}

data: [DONE]

-- events --
tool part=call_1 name=weather "{\"a\":1}"
tool_input part=call_1 name=weather {"a":1}
= tool_calls
