# A line that is none of a data stream's.
-- head --
content-type: text/plain
x-vercel-ai-data-stream: v1
-- body --
0:"The sky "
hello
-- events --
text "The sky "
! provider_broken: the chat endpoint sent something that is not its format
