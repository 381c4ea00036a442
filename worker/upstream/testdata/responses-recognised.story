# Responses events, told by their type.
-- head --
content-type: text/event-stream
-- body --
event: response.created
data: {"type":"response.created","sequence_number":0,"response":{"id":"r1","object":"response","status":"in_progress","output":[]}}

event: response.output_text.delta
data: {"type":"response.output_text.delta","sequence_number":1,"item_id":"i","output_index":0,"content_index":0,"delta":"It is blue."}

event: response.completed
data: {"type":"response.completed","sequence_number":2,"response":{"id":"r1","object":"response","status":"completed","model":"small-1","usage":{"input_tokens":3,"output_tokens":4}}}

-- events --
text "It is blue."
usage {"input_tokens":3,"output_tokens":4,"model":"small-1"}
= stop
