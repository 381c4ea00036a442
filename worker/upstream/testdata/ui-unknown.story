# Chunks that the SDK may have one day are passed over.
-- head --
content-type: text/event-stream
x-vercel-ai-ui-message-stream: v1
-- body --
data: {"type":"start","messageId":"m"}

data: {"type":"hologram","beam":1}

data: {"type":"custom","kind":"acme.note","note":"n"}

data: {"type":"text-delta","id":"0","delta":"Hi"}

data: {"type":"finish","finishReason":"content-filter"}

-- events --
data name=acme.note {"type":"custom","kind":"acme.note","note":"n"}
text "Hi"
= content_filter
