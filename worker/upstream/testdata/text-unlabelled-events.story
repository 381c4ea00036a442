# Events without a label, and in no known format, are shown as they are.
-- head --
chomp
-- body --
data: {"hello":"world"}

data: {"more":1}

-- events --
text "data: {\"hello\":\"world\"}\n\ndata: {\"more\":1}\n"
= stop
