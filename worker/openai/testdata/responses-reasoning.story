# Thinking as summaries, in paragraphs.
-- head --
content-type: text/event-stream
with: responses
-- body --
event: response.output_item.added
data: {"type":"response.output_item.added","item":{"id":"rs_1","type":"reasoning","summary":[]},"sequence_number":0}

event: response.reasoning_summary_part.added
data: {"type":"response.reasoning_summary_part.added","item_id":"rs_1","summary_index":0,"part":{},"sequence_number":1}

event: response.reasoning_summary_text.delta
data: {"type":"response.reasoning_summary_text.delta","item_id":"rs_1","summary_index":0,"delta":"First.","sequence_number":2}

event: response.reasoning_summary_part.added
data: {"type":"response.reasoning_summary_part.added","item_id":"rs_1","summary_index":1,"part":{},"sequence_number":3}

event: response.reasoning_summary_text.delta
data: {"type":"response.reasoning_summary_text.delta","item_id":"rs_1","summary_index":1,"delta":"Then.","sequence_number":4}

event: response.reasoning_text.delta
data: {"type":"response.reasoning_text.delta","item_id":"rs_1","delta":" Raw.","sequence_number":5}

event: response.output_text.delta
data: {"type":"response.output_text.delta","item_id":"m","delta":"So.","sequence_number":6}

event: response.completed
data: {"type":"response.completed","response":{"id":"resp_1","object":"response","status":"completed","model":"small-1"},"sequence_number":7}

-- events --
reasoning "First.\n\nThen. Raw."
text "So."
= stop
