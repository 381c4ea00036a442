# The answer is filtered.
-- head --
content-type: text/event-stream
with: responses
-- body --
event: response.incomplete
data: {"type":"response.incomplete","response":{"id":"resp_1","object":"response","status":"incomplete","model":"small-1","incomplete_details":{"reason":"content_filter"}},"sequence_number":0}

-- events --
= content_filter
