# JSON under one of the usual names, ended by a word.
-- head --
content-type: text/event-stream
-- body --
data: {"type":"connected"}

data: {"type":"status","stage":"searching"}

data: {"type":"token","content":"It "}

data: {"type":"token","content":"is"}

data: {"type":"token","content":""}

data: {"type":"done","content":"It is","usage":{"input_tokens":2,"output_tokens":2}}

-- events --
data name=status {"type":"status","stage":"searching"}
text "It is"
usage {"input_tokens":2,"output_tokens":2}
= stop
