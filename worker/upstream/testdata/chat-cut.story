# The connection breaks in the middle of an event.
-- head --
content-type: text/event-stream
cut
-- body --
data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"small-1","choices":[{"index":0,"delta":{"content":"It is "},"finish_reason":null}]}

data: {"choices":[{"del
-- events --
text "It is "
! provider_broken, retry: the chat endpoint stopped in the middle of the answer
