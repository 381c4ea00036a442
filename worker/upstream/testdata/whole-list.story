# A list of answers, as text generation servers send it.
-- head --
content-type: application/json
-- body --
[{"generated_text":"It is "},{"generated_text":"blue."}]
-- events --
text "It is blue."
= stop
