# The model refuses.
-- head --
content-type: text/event-stream
with: responses
-- body --
event: response.refusal.delta
data: {"type":"response.refusal.delta","item_id":"m","delta":"I cannot.","sequence_number":0}

event: response.refusal.done
data: {"type":"response.refusal.done","item_id":"m","refusal":"I cannot.","sequence_number":1}

event: response.completed
data: {"type":"response.completed","response":{"id":"resp_1","object":"response","status":"completed","model":"small-1"},"sequence_number":2}

-- events --
text part=refusal "I cannot."
= stop
