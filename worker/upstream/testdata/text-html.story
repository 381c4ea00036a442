# PHP calls text HTML.
-- head --
content-type: text/html; charset=UTF-8
chomp
-- body --
It is <b>blue</b>.
-- events --
text "It is <b>blue</b>."
= stop
