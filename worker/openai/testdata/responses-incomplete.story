# The answer is longer than allowed.
-- head --
content-type: text/event-stream
with: responses
-- body --
event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"m","delta":"It is","sequence_number":0}

event: response.incomplete
data: {"type":"response.incomplete","response":{"id":"resp_1","object":"response","status":"incomplete","model":"small-1","incomplete_details":{"reason":"max_output_tokens"}},"sequence_number":1}

-- events --
text "It is"
= length
