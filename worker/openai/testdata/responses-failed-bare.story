# The response fails and says no more than that.
-- head --
content-type: text/event-stream
with: responses
-- body --
event: response.failed
data: {"type":"response.failed","response":{},"sequence_number":0}

-- events --
! provider_unavailable, retry: the model server reported an error
