# Lines of JSON without an end marker.
-- head --
content-type: application/jsonl
-- body --
{"delta":{"text":"It "}}
{"delta":{"text":"is"}}
-- events --
text "It is"
= stop
