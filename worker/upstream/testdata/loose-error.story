# An error in a format of the endpoint's own.
-- head --
content-type: text/event-stream
-- body --
data: {"token":"It "}

event: error
data: the model at model-3.internal:9000 is gone

-- events --
text "It "
! provider_unavailable, retry: the chat endpoint reported an error: the model at [address] is gone
