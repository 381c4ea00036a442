# A JSON answer with the text alone.
-- head --
content-type: application/json
-- body --
{"text":"It is blue."}
-- events --
text "It is blue."
= stop
