# Nothing of it is known: no answer rather than a wrong one.
-- head --
content-type: text/event-stream
-- body --
data: {"a":1}

data: {"b":2}

-- events --
data name=message {"a":1}
data name=message {"b":2}
! provider_broken: the chat endpoint answered in a format that is not known
