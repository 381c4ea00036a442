# The older completions API.
-- head --
content-type: text/event-stream
-- body --
data: {"object":"text_completion","choices":[{"index":0,"text":"Hello","finish_reason":null}]}

data: {"object":"text_completion","choices":[{"index":0,"text":"","finish_reason":"length"}]}

data: [DONE]

-- events --
text "Hello"
= length
