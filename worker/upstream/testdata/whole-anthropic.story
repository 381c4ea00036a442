# A whole message of Anthropic's.
-- head --
content-type: application/json
-- body --
{"id":"m","type":"message","role":"assistant","model":"small-1","content":[{"type":"text","text":"It is blue."}],"stop_reason":"max_tokens","usage":{"input_tokens":3,"output_tokens":4}}
-- events --
text "It is blue."
usage {"input_tokens":3,"output_tokens":4,"model":"small-1"}
= length
