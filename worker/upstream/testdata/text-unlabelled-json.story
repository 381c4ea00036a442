# An answer that is JSON itself, without a content type, and in no known format.
-- head --
chomp
-- body --
{"name": "Ada", "text": "not for us"}
-- events --
text "{\"name\": \"Ada\", \"text\": \"not for us\"}"
= stop
