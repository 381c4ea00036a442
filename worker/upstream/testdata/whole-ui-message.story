# A whole UIMessage.
-- head --
content-type: application/json
-- body --
{"id":"m1","role":"assistant","parts":[{"type":"step-start"},{"type":"text","text":"It is blue."}]}
-- events --
text "It is blue."
= stop
