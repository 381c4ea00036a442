# Text events that simply end.
-- head --
content-type: text/event-stream
-- body --
data: Hello

data:  there

-- events --
text "Hello there"
= stop
