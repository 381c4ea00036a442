# Ollama's stream stops before the line that says done.
-- head --
content-type: application/x-ndjson
-- body --
{"model":"small:1b","message":{"role":"assistant","content":"It"},"done":false}
-- events --
text "It"
! provider_broken, retry: the chat endpoint stopped in the middle of the answer
