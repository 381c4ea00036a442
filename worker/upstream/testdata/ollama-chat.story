# Ollama's own chat API: a line of JSON each.
-- head --
content-type: application/x-ndjson
-- body --
{"model":"small:1b","created_at":"2026-01-01T00:00:00Z","message":{"role":"assistant","content":"","thinking":"Hm."},"done":false}
{"model":"small:1b","created_at":"2026-01-01T00:00:01Z","message":{"role":"assistant","content":"It is "},"done":false}
{"model":"small:1b","created_at":"2026-01-01T00:00:01Z","message":{"role":"assistant","content":"青い"},"done":false}
{"model":"small:1b","created_at":"2026-01-01T00:00:02Z","message":{"role":"assistant","content":""},"done_reason":"stop","done":true,"prompt_eval_count":26,"eval_count":3}
-- events --
reasoning "Hm."
text "It is 青い"
usage {"input_tokens":26,"output_tokens":3,"model":"small:1b"}
= stop
