# Text that begins with a colon.
-- head --
content-type: application/octet-stream
chomp
-- body --
:-) hello
-- events --
text ":-) hello"
= stop
