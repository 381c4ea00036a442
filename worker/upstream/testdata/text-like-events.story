# Plain text that looks like a stream of events is text all the same.
-- head --
content-type: text/plain
chomp
-- body --
data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}

data: [DONE]

-- events --
text "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"x\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n"
= stop
