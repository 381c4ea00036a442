# Ollama fails in the middle.
-- head --
content-type: application/x-ndjson
-- body --
{"model":"small:1b","message":{"role":"assistant","content":"It"},"done":false}
{"error":"model runner has unexpectedly stopped"}
-- events --
text "It"
! provider_unavailable, retry: the chat endpoint reported an error: model runner has unexpectedly stopped
