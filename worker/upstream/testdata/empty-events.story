# A stream of events without one.
-- head --
content-type: text/event-stream
-- body --
: ping

-- events --
! provider_broken, retry: the chat endpoint answered with nothing
