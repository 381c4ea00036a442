# The response fails.
-- head --
content-type: text/event-stream
with: responses
-- body --
event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"m","delta":"It is","sequence_number":0}

event: response.failed
data: {"type":"response.failed","response":{"id":"resp_1","object":"response","status":"failed","model":"small-1","error":{"code":"server_error","message":"The model is not well."}},"sequence_number":1}

-- events --
text "It is"
! provider_unavailable, retry: the model server reported an error: The model is not well.
