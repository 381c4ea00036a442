# A function, a tool of the provider's, an MCP call, a custom tool.
-- head --
content-type: text/event-stream
with: responses
-- body --
event: response.output_item.added
data: {"type":"response.output_item.added","item":{"id":"fc_1","type":"function_call","call_id":"call_a","name":"weather","arguments":""},"sequence_number":0}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","item_id":"fc_1","delta":"{\"city\":","sequence_number":1}

event: response.function_call_arguments.delta
data: {"type":"response.function_call_arguments.delta","item_id":"fc_1","delta":"\"Yazd\"}","sequence_number":2}

event: response.function_call_arguments.done
data: {"type":"response.function_call_arguments.done","item_id":"fc_1","arguments":"{\"city\":\"Yazd\"}","sequence_number":3}

event: response.output_item.done
data: {"type":"response.output_item.done","item":{"id":"fc_1","type":"function_call","call_id":"call_a","name":"weather","arguments":"{\"city\":\"Yazd\"}"},"sequence_number":4}

event: response.output_item.added
data: {"type":"response.output_item.added","item":{"id":"ws_1","type":"web_search_call","status":"in_progress"},"sequence_number":5}

event: response.web_search_call.searching
data: {"type":"response.web_search_call.searching","item_id":"ws_1","sequence_number":6}

event: response.output_item.done
data: {"type":"response.output_item.done","item":{"id":"ws_1","type":"web_search_call","status":"completed"},"sequence_number":7}

event: response.output_item.added
data: {"type":"response.output_item.added","item":{"id":"mcp_1","type":"mcp_call","name":"lookup","arguments":""},"sequence_number":8}

event: response.mcp_call_arguments.delta
data: {"type":"response.mcp_call_arguments.delta","item_id":"mcp_1","delta":"{}","sequence_number":9}

event: response.output_item.done
data: {"type":"response.output_item.done","item":{"id":"mcp_1","type":"mcp_call","name":"lookup","arguments":"{}","output":"found","error":null},"sequence_number":10}

event: response.output_item.added
data: {"type":"response.output_item.added","item":{"id":"mcp_2","type":"mcp_call","name":"lookup","arguments":""},"sequence_number":11}

event: response.output_item.done
data: {"type":"response.output_item.done","item":{"id":"mcp_2","type":"mcp_call","name":"lookup","arguments":"{}","output":null,"error":{"message":"no such host mcp.corp:8080"}},"sequence_number":12}

event: response.output_item.added
data: {"type":"response.output_item.added","item":{"id":"ct_1","type":"custom_tool_call","call_id":"call_c","name":"shell","input":""},"sequence_number":13}

event: response.custom_tool_call_input.delta
data: {"type":"response.custom_tool_call_input.delta","item_id":"ct_1","delta":"ls","sequence_number":14}

event: response.output_item.done
data: {"type":"response.output_item.done","item":{"id":"ct_1","type":"custom_tool_call","call_id":"call_c","name":"shell","input":"ls"},"sequence_number":15}

event: response.completed
data: {"type":"response.completed","response":{"id":"resp_1","object":"response","status":"completed","model":"small-1"},"sequence_number":16}

-- events --
tool part=call_a name=weather "{\"city\":\"Yazd\"}"
tool_input part=call_a name=weather {"city":"Yazd"}
tool part=ws_1 name=web_search ""
tool_output part=ws_1 name=web_search {"id":"ws_1","type":"web_search_call","status":"completed"}
tool part=mcp_1 name=lookup "{}"
tool_input part=mcp_1 name=lookup {}
tool_output part=mcp_1 name=lookup "found"
tool part=mcp_2 name=lookup ""
tool_input part=mcp_2 name=lookup {}
tool_error part=mcp_2 name=lookup "{\"message\":\"no such host [address]\"}"
tool part=call_c name=shell "ls"
tool_input part=call_c name=shell "ls"
= tool_calls
