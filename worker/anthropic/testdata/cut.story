# The connection breaks.
-- head --
content-type: text/event-stream
cut
-- body --
event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"small-1","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"It is "}}

-- events --
usage {"input_tokens":9,"output_tokens":1,"model":"small-1"}
text "It is "
! provider_broken, retry: the model server stopped in the middle of the answer
