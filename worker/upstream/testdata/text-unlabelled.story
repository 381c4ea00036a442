# Text without a content type.
-- head --
chomp
-- body --
data: is the plural of datum.
That is all.
-- events --
text "data: is the plural of datum.\nThat is all."
= stop
