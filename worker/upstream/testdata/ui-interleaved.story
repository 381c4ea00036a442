# Two texts and a thought are open at once; each stays a part of its own.
-- head --
content-type: text/event-stream
x-vercel-ai-ui-message-stream: v1
-- body --
data: {"type":"start"}

data: {"type":"text-start","id":"a"}

data: {"type":"reasoning-start","id":"r"}

data: {"type":"text-start","id":"b"}

data: {"type":"text-delta","id":"a","delta":"A1 "}

data: {"type":"text-delta","id":"b","delta":"B1 "}

data: {"type":"reasoning-delta","id":"r","delta":"hm"}

data: {"type":"text-delta","id":"a","delta":"A2"}

data: {"type":"text-delta","id":"b","delta":"B2"}

data: {"type":"text-delta","id":"never-opened","delta":"C"}

data: {"type":"finish","finishReason":"tool-calls"}

data: [DONE]

-- events --
text "A1 "
text part=2 "B1 "
reasoning "hm"
text "A2"
text part=2 "B2"
text part=3 "C"
= tool_calls
