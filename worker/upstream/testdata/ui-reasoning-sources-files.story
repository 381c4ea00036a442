# Thinking, sources, files and the application's own parts; a transient one is marked.
-- head --
content-type: text/event-stream
x-vercel-ai-ui-message-stream: v1
crlf
-- body --
: stream-open

data: {"type":"start","messageMetadata":{"model":"small-1","started":1}}

data: {"type":"start-step"}

data: {"type":"reasoning-start","id":"r"}

data: {"type":"reasoning-delta","id":"r","delta":"Light scatters."}

data: {"type":"reasoning-end","id":"r"}

data: {"type":"source-url","sourceId":"s1","url":"https://example.org/sky","title":"Sky"}

data: {"type":"source-document","sourceId":"s2","mediaType":"application/pdf","title":"Optics","filename":"optics.pdf"}

data: {"type":"file","url":"data:text/plain;base64,Ymx1ZQ==","mediaType":"text/plain"}

data: {"type":"file","url":"https://example.org/sky.png","mediaType":"image/png"}

data: {"type":"data-weather","id":"w1","data":{"city":"Yazd","c":31}}

data: {"type":"data-progress","data":{"percent":50},"transient":true}

: keep-alive

data: {"type":"text-start","id":"t"}

data: {"type":"text-delta","id":"t","delta":"It is blue."}

data: {"type":"text-end","id":"t"}

data: {"type":"finish-step"}

data: {"type":"finish","finishReason":"length","messageMetadata":{"totalUsage":{"inputTokens":12,"outputTokens":34,"reasoningTokens":5,"cachedInputTokens":8},"model":"small-1"}}

data: [DONE]

-- events --
data name=message-metadata {"model":"small-1","started":1}
step {"step":"start"}
reasoning "Light scatters."
source {"id":"s1","title":"Sky","url":"https://example.org/sky"}
source {"filename":"optics.pdf","id":"s2","media_type":"application/pdf","title":"Optics"}
file media=text/plain 626c7565
file {"url":"https://example.org/sky.png","media_type":"image/png"}
data part=w1 name=weather {"city":"Yazd","c":31}
data name=progress transient=true {"percent":50}
text "It is blue."
step {"step":"finish"}
usage {"input_tokens":12,"output_tokens":34,"cached_tokens":8,"reasoning_tokens":5,"model":"small-1"}
data name=message-metadata {"totalUsage":{"inputTokens":12,"outputTokens":34,"reasoningTokens":5,"cachedInputTokens":8},"model":"small-1"}
= length
