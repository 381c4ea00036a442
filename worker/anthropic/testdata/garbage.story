# Something that is not JSON.
-- head --
content-type: text/event-stream
-- body --
event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"small-1","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}

data: <oops>

-- events --
usage {"input_tokens":9,"output_tokens":1,"model":"small-1"}
! provider_broken: the model server sent something that is not its format
