# A JSON string.
-- head --
content-type: application/json
-- body --
"It is blue."
-- events --
text "It is blue."
= stop
