# The operator says text, whatever the label says.
-- head --
with: text
content-type: application/json
chomp
-- body --
{"a": 1}
-- events --
text "{\"a\": 1}"
= stop
