# A success of no bytes.
-- head --
content-type: text/event-stream
chomp
-- body --

-- events --
! provider_broken, retry: the model server stopped in the middle of the answer
