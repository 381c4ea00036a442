# The smallest good stream of the AI SDK 5, with text in more than one alphabet.
-- head --
content-type: text/event-stream
x-vercel-ai-ui-message-stream: v1
-- body --
data: {"type":"start","messageId":"m1"}

data: {"type":"start-step"}

data: {"type":"text-start","id":"0"}

data: {"type":"text-delta","id":"0","delta":"Blue, "}

data: {"type":"text-delta","id":"0","delta":"青い, كاريز 🌊"}

data: {"type":"text-end","id":"0"}

data: {"type":"finish-step"}

data: {"type":"finish"}

data: [DONE]

-- events --
step {"step":"start"}
text "Blue, 青い, كاريز 🌊"
step {"step":"finish"}
= stop
