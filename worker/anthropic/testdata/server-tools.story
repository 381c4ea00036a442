# Tools that run at the provider's: one finds, one fails.
-- head --
content-type: text/event-stream
-- body --
event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"small-1","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":9,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"srv_a","name":"web_search","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{\"query\":\"sky\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"web_search_tool_result","tool_use_id":"srv_a","content":[{"type":"web_search_result","url":"https://example.org","title":"Sky"}]}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"server_tool_use","id":"srv_b","name":"web_search","input":{"query":"x"}}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"web_search_tool_result","tool_use_id":"srv_b","content":{"type":"web_search_tool_result_error","error_code":"max_uses_exceeded"}}}

event: content_block_stop
data: {"type":"content_block_stop","index":3}

event: content_block_start
data: {"type":"content_block_start","index":4,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":4,"delta":{"type":"text_delta","text":"Blue."}}

event: content_block_delta
data: {"type":"content_block_delta","index":4,"delta":{"type":"citations_delta","citation":{"type":"web_search_result_location","url":"https://example.org","title":"Sky","cited_text":"blue"}}}

event: content_block_delta
data: {"type":"content_block_delta","index":4,"delta":{"type":"citations_delta","citation":{"type":"char_location","document_title":"Optics","start_char_index":0}}}

event: content_block_stop
data: {"type":"content_block_stop","index":4}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"pause_turn","stop_sequence":null},"usage":{"output_tokens":7}}

event: message_stop
data: {"type":"message_stop"}

-- events --
usage {"input_tokens":9,"output_tokens":1,"model":"small-1"}
tool part=srv_a name=web_search "{\"query\":\"sky\"}"
tool_input part=srv_a name=web_search {"query":"sky"}
tool_output part=srv_a [{"type":"web_search_result","url":"https://example.org","title":"Sky"}]
tool part=srv_b name=web_search ""
tool_input part=srv_b name=web_search {"query":"x"}
tool_error part=srv_b "max_uses_exceeded"
text "Blue."
source {"cited_text":"blue","title":"Sky","type":"web_search_result_location","url":"https://example.org"}
source {"document_title":"Optics","start_char_index":0,"title":"Optics","type":"char_location"}
usage {"input_tokens":9,"output_tokens":7,"model":"small-1"}
= other
