# The stream itself fails.
-- head --
content-type: text/event-stream
with: responses
-- body --
event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"m","delta":"It is","sequence_number":0}

event: error
data: {"type":"error","code":"rate_limit_exceeded","message":"Slow down.","param":null,"sequence_number":1}

-- events --
text "It is"
! provider_rate_limited, retry: the model server reported an error: Slow down.
