# An image that was made, and sound.
-- head --
content-type: text/event-stream
with: responses
-- body --
event: response.output_item.added
data: {"type":"response.output_item.added","item":{"id":"ig_1","type":"image_generation_call","status":"in_progress"},"sequence_number":0}

event: response.image_generation_call.partial_image
data: {"type":"response.image_generation_call.partial_image","item_id":"ig_1","partial_image_index":0,"partial_image_b64":"AA==","sequence_number":1}

event: response.output_item.done
data: {"type":"response.output_item.done","item":{"id":"ig_1","type":"image_generation_call","result":"AAEC","output_format":"webp"},"sequence_number":2}

event: response.audio.transcript.delta
data: {"type":"response.audio.transcript.delta","delta":"Hi","sequence_number":3}

event: response.audio.delta
data: {"type":"response.audio.delta","delta":"AAE=","sequence_number":4}

event: response.completed
data: {"type":"response.completed","response":{"id":"resp_1","object":"response","status":"completed","model":"small-1"},"sequence_number":5}

-- events --
tool part=ig_1 name=image_generation ""
file part=ig_1 media=image/webp 000102
text "Hi"
audio media=audio/pcm16 0001
= stop
