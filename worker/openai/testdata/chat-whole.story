# A server that does not stream.
-- head --
content-type: application/json
-- body --
{"id":"x","object":"chat.completion","model":"small-1","choices":[{"index":0,"message":{"role":"assistant","content":"Hello","tool_calls":[{"id":"a","type":"function","function":{"name":"clock","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}
-- events --
text "Hello"
tool part=a name=clock "{}"
tool_input part=a name=clock {}
usage {"input_tokens":1,"output_tokens":2,"model":"small-1"}
= tool_calls
