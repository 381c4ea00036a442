# Usage in the message's metadata, with details as the AI SDK 7 gives them.
-- head --
content-type: text/event-stream
x-vercel-ai-ui-message-stream: v1
-- body --
data: {"type":"start"}

data: {"type":"text-start","id":"0"}

data: {"type":"text-delta","id":"0","delta":"Hi"}

data: {"type":"message-metadata","messageMetadata":{"usage":{"inputTokens":10,"inputTokenDetails":{"noCacheTokens":4,"cacheReadTokens":6},"outputTokens":14,"outputTokenDetails":{"textTokens":9,"reasoningTokens":5},"totalTokens":24}}}

data: {"type":"text-end","id":"0"}

data: {"type":"finish","finishReason":"stop"}

data: [DONE]

-- events --
text "Hi"
usage {"input_tokens":10,"output_tokens":14,"cached_tokens":6,"reasoning_tokens":5}
data name=message-metadata {"usage":{"inputTokens":10,"inputTokenDetails":{"noCacheTokens":4,"cacheReadTokens":6},"outputTokens":14,"outputTokenDetails":{"textTokens":9,"reasoningTokens":5},"totalTokens":24}}
= stop
