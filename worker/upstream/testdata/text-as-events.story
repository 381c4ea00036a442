# Text in pieces under the label of an event stream, which many frameworks put on it.
-- head --
content-type: text/event-stream
chomp
-- body --
Darling, it is blue.

And: wide.
-- events --
text "Darling, it is blue.\n\nAnd: wide."
= stop
