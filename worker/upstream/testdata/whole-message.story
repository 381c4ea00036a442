# A JSON answer with a message in it.
-- head --
content-type: application/json; charset=utf-8
-- body --
{"message":{"role":"assistant","content":[{"type":"text","text":"It is "},{"type":"image","url":"x"},{"type":"text","text":"blue."}]},"finish_reason":"length"}
-- events --
text "It is blue."
= length
