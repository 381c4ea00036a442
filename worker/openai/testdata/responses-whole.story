# A server that does not stream.
-- head --
with: responses
content-type: application/json
-- body --
{"id":"resp_1","object":"response","status":"completed","model":"small-1","output":[{"id":"rs","type":"reasoning","summary":[{"type":"summary_text","text":"Hm."}]},{"id":"m","type":"message","role":"assistant","content":[{"type":"output_text","text":"Hello","annotations":[{"type":"url_citation","url":"https://example.org"}]}]},{"id":"fc","type":"function_call","call_id":"a","name":"clock","arguments":"{}"}],"usage":{"input_tokens":1,"output_tokens":2}}
-- events --
reasoning "Hm."
text "Hello"
source {"type":"url_citation","url":"https://example.org"}
tool part=a name=clock ""
tool_input part=a name=clock {}
usage {"input_tokens":1,"output_tokens":2,"model":"small-1"}
= tool_calls
