# Ollama's older API, without a label.
-- head --

-- body --
{"model":"small:1b","response":"Hello ","done":false}
{"model":"small:1b","response":"there","done":false}
{"model":"small:1b","response":"","done":true,"done_reason":"length","eval_count":3}
-- events --
text "Hello there"
usage {"input_tokens":0,"output_tokens":3,"model":"small:1b"}
= length
