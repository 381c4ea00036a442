# A server of its own making that ends with [DONE] alone, and without the header.
-- head --
content-type: text/event-stream
-- body --
data: {"type":"start"}

data: {"type":"text-start","id":"x"}

data: {"type":"text-delta","id":"x","delta":"Hello"}

data: [DONE]

-- events --
text "Hello"
= stop
