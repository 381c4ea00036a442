# A server that does not stream.
-- head --
content-type: application/json
-- body --
{"id":"m","type":"message","role":"assistant","model":"small-1","content":[{"type":"thinking","thinking":"Hm.","signature":"s"},{"type":"text","text":"Hello","citations":[{"type":"char_location","cited_text":"x"}]},{"type":"tool_use","id":"toolu_a","name":"clock","input":{"tz":"UTC"}}],"stop_reason":"tool_use","usage":{"input_tokens":1,"output_tokens":2}}
-- events --
reasoning "Hm."
text "Hello"
source {"cited_text":"x","type":"char_location"}
tool part=toolu_a name=clock ""
tool_input part=toolu_a name=clock {"tz":"UTC"}
usage {"input_tokens":1,"output_tokens":2,"model":"small-1"}
= tool_calls
