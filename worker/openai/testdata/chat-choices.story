# Of several choices the first is shown.
-- head --
content-type: text/event-stream
-- body --
data: {"choices":[{"index":1,"delta":{"content":"no"},"finish_reason":"stop"}]}

data: {"choices":[{"index":0,"delta":{"content":"yes"},"finish_reason":null}]}

data: {"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}

data: [DONE]

-- events --
text "yes"
= content_filter
