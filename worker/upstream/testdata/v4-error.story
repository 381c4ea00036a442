# The data stream reports an error.
-- head --
content-type: text/plain; charset=utf-8
x-vercel-ai-data-stream: v1
-- body --
0:"The sky "
3:"An error occurred."
-- events --
text "The sky "
! provider_unavailable, retry: the chat endpoint reported an error: An error occurred.
