# Line ends of CRLF, comments, data over two lines, no event names.
-- head --
content-type: text/event-stream
crlf
-- body --
: hello

data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"small-1","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}

data: {"type":"content_block_delta","index":0,
data: "delta":{"type":"text_delta","text":"Hello"}}

data: {"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":null},"usage":{"output_tokens":7}}

data: {"type":"message_stop"}

-- events --
usage {"input_tokens":9,"output_tokens":1,"model":"small-1"}
text "Hello"
usage {"input_tokens":9,"output_tokens":7,"model":"small-1"}
= stop
