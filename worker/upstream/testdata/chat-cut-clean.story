# The body ends in the middle of an event, as some proxies end it.
-- head --
content-type: text/event-stream
chomp
-- body --
data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{"content":"It is "},"finish_reason":null}]}

data: {"choices":[{"del
-- events --
text "It is "
! provider_broken, retry: the chat endpoint stopped in the middle of the answer
