# A whole completion instead of a stream.
-- head --
content-type: application/json
-- body --
{
  "id": "x", "object": "chat.completion", "model": "small-1",
  "choices": [{"index": 0, "message": {"role": "assistant", "content": "It is blue."}, "finish_reason": "stop"}],
  "usage": {"prompt_tokens": 3, "completion_tokens": 4}
}
-- events --
text "It is blue."
usage {"input_tokens":3,"output_tokens":4,"model":"small-1"}
= stop
