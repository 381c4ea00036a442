# Two steps: a tool is called and answers, then the model goes on. The id of the text repeats, the part does not.
-- head --
content-type: text/event-stream
x-vercel-ai-ui-message-stream: v1
-- body --
data: {"type":"start","messageId":"m1"}

data: {"type":"start-step"}

data: {"type":"text-start","id":"0"}

data: {"type":"text-delta","id":"0","delta":"Let me look."}

data: {"type":"text-end","id":"0"}

data: {"type":"tool-input-start","toolCallId":"c1","toolName":"weather","providerExecuted":false}

data: {"type":"tool-input-delta","toolCallId":"c1","inputTextDelta":"{\"city\":"}

data: {"type":"tool-input-delta","toolCallId":"c1","inputTextDelta":"\"Yazd\"}"}

data: {"type":"tool-input-available","toolCallId":"c1","toolName":"weather","input":{"city":"Yazd"}}

data: {"type":"tool-output-available","toolCallId":"c1","output":{"state":"loading"},"preliminary":true}

data: {"type":"tool-output-available","toolCallId":"c1","output":{"c":31}}

data: {"type":"tool-input-available","toolCallId":"c2","toolName":"clock","input":{},"dynamic":true}

data: {"type":"tool-output-error","toolCallId":"c2","errorText":"no clock at http://10.0.0.7:9000/clock"}

data: {"type":"tool-input-error","toolCallId":"c3","toolName":"calc","input":"1+","errorText":"the input is not valid"}

data: {"type":"tool-approval-request","approvalId":"a1","toolCallId":"c4"}

data: {"type":"tool-output-denied","toolCallId":"c4"}

data: {"type":"finish-step"}

data: {"type":"start-step"}

data: {"type":"text-start","id":"0"}

data: {"type":"text-delta","id":"0","delta":"31 degrees."}

data: {"type":"text-end","id":"0"}

data: {"type":"finish-step"}

data: {"type":"finish","finishReason":"stop"}

data: [DONE]

-- events --
step {"step":"start"}
text "Let me look."
tool part=c1 name=weather "{\"city\":\"Yazd\"}"
tool_input part=c1 name=weather {"city":"Yazd"}
tool_output part=c1 name=weather preliminary=true {"state":"loading"}
tool_output part=c1 name=weather {"c":31}
tool part=c2 name=clock ""
tool_input part=c2 name=clock {}
tool_error part=c2 name=clock "no clock at [address]"
tool part=c3 name=calc ""
tool_input part=c3 name=calc "1+"
tool_error part=c3 name=calc "the input is not valid"
data part=a1 name=tool-approval-request {"type":"tool-approval-request","approvalId":"a1","toolCallId":"c4"}
tool_error part=c4 "the call was denied"
step {"step":"finish"}
step {"step":"start"}
text part=2 "31 degrees."
step {"step":"finish"}
= stop
