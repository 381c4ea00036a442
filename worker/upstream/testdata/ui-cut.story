# The stream stops cleanly but without its end marker.
-- head --
content-type: text/event-stream
x-vercel-ai-ui-message-stream: v1
-- body --
data: {"type":"start"}

data: {"type":"text-delta","id":"0","delta":"It is "}

-- events --
text "It is "
! provider_broken, retry: the chat endpoint stopped in the middle of the answer
