# The endpoint reports an error in the middle; what it says of addresses is not shown.
-- head --
content-type: text/event-stream
x-vercel-ai-ui-message-stream: v1
-- body --
data: {"type":"start"}

data: {"type":"text-start","id":"0"}

data: {"type":"text-delta","id":"0","delta":"It is "}

data: {"type":"error","errorText":"connect ECONNREFUSED 10.1.2.3:8443 while asking gpt at https://llm.corp/v1"}

data: [DONE]

-- events --
text "It is "
! provider_unavailable, retry: the chat endpoint reported an error: connect ECONNREFUSED [address] while asking gpt at [address]
