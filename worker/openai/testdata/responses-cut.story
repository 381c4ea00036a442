# The stream ends without an end.
-- head --
content-type: text/event-stream
with: responses
-- body --
event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"m","delta":"It is","sequence_number":0}

-- events --
text "It is"
! provider_broken, retry: the model server stopped in the middle of the answer
