# Somebody cancelled it there.
-- head --
content-type: text/event-stream
with: responses
-- body --
event: response.cancelled
data: {"type":"response.cancelled","response":{"id":"resp_1","object":"response","status":"cancelled","model":"small-1"},"sequence_number":0}

-- events --
! provider_unavailable, retry: the answer was cancelled at the provider's
