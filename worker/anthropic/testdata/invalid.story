# The stream fails for good.
-- head --
content-type: text/event-stream
-- body --
event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"small-1","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}

event: error
data: {"type":"error","error":{"type":"invalid_request_error","message":"That is not allowed."}}

-- events --
usage {"input_tokens":9,"output_tokens":1,"model":"small-1"}
! provider_rejected: the model server reported an error: That is not allowed.
