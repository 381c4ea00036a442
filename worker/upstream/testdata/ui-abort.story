# The endpoint gives up its answer by itself.
-- head --
content-type: text/event-stream
x-vercel-ai-ui-message-stream: v1
-- body --
data: {"type":"start"}

data: {"type":"text-delta","id":"0","delta":"It is "}

data: {"type":"abort","reason":"deploy"}

data: [DONE]

-- events --
text "It is "
! provider_unavailable, retry: the chat endpoint cancelled its answer
