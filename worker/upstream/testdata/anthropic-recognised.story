# Anthropic's events, after a ping.
-- head --
content-type: text/event-stream
-- body --
event: ping
data: {"type": "ping"}

event: message_start
data: {"type":"message_start","message":{"id":"m","type":"message","role":"assistant","model":"small-1","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"It is blue."}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":5}}

event: message_stop
data: {"type":"message_stop"}

-- events --
usage {"input_tokens":3,"output_tokens":1,"model":"small-1"}
text "It is blue."
usage {"input_tokens":3,"output_tokens":5,"model":"small-1"}
= stop
