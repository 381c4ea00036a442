# The AI SDK 4's data stream: text, thinking, a tool, usage.
-- head --
content-type: text/plain; charset=utf-8
x-vercel-ai-data-stream: v1
-- body --
f:{"messageId":"msg-1"}
g:"Scattering."
0:"The sky "
0:"is 青い."
2:[{"mood":"calm"}]
8:[{"note":1}]
b:{"toolCallId":"c1","toolName":"weather"}
c:{"toolCallId":"c1","argsTextDelta":"{\"city\":\"Yazd\"}"}
9:{"toolCallId":"c1","toolName":"weather","args":{"city":"Yazd"}}
a:{"toolCallId":"c1","result":{"c":31}}
h:{"sourceType":"url","id":"s1","url":"https://example.org","title":"Sky"}
k:{"data":"AAEC","mimeType":"image/png"}
j:{"signature":"c2ln"}
e:{"finishReason":"tool-calls","usage":{"promptTokens":9,"completionTokens":4},"isContinued":false}
d:{"finishReason":"stop","usage":{"promptTokens":9,"completionTokens":7}}
-- events --
step {"step":"start"}
reasoning "Scattering."
text "The sky is 青い."
data name=data {"mood":"calm"}
data name=message-metadata {"note":1}
tool part=c1 name=weather "{\"city\":\"Yazd\"}"
tool_input part=c1 name=weather {"city":"Yazd"}
tool_output part=c1 name=weather {"c":31}
source {"sourceType":"url","id":"s1","url":"https://example.org","title":"Sky"}
file media=image/png 000102
step {"step":"finish"}
usage {"input_tokens":9,"output_tokens":7}
= stop
