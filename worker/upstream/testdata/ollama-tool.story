# Ollama calls a tool: arguments come as an object, in one piece.
-- head --
content-type: application/x-ndjson
-- body --
{"model":"small:1b","message":{"role":"assistant","content":"","tool_calls":[{"function":{"name":"weather","arguments":{"city":"Yazd"}}}]},"done":false}
{"model":"small:1b","message":{"role":"assistant","content":""},"done_reason":"stop","done":true}
-- events --
tool part=call_1 name=weather ""
tool_input part=call_1 name=weather {"city":"Yazd"}
= tool_calls
