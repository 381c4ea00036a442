# The endpoint takes a step back; only a new try at the turn can do so.
-- head --
content-type: text/event-stream
x-vercel-ai-ui-message-stream: v1
-- body --
data: {"type":"start"}

data: {"type":"start-step"}

data: {"type":"reset-step"}

data: {"type":"text-delta","id":"0","delta":"Wrong"}

data: {"type":"reset-step"}

data: {"type":"text-delta","id":"0","delta":"Right"}

data: {"type":"finish"}

-- events --
step {"step":"start"}
text "Wrong"
! provider_broken, retry: the chat endpoint took back a part of its answer
