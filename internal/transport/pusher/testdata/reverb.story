# reverb: no protocol is asked for, and what is unknown is one error.
! connect 1 /app/demo-key
< {"event":"pusher:connection_established","data":"{\"socket_id\":\"@1\",\"activity_timeout\":30}"}
> {"event":"pusher:signin","data":{}}
< {"event":"pusher:error","data":{"code":4200,"message":"Invalid message format"}}
> {"event":"pusher:nonsense"}
< {"event":"pusher:error","data":{"code":4200,"message":"Invalid message format"}}
> {"event":"pusher:subscribe","data":{"channel":"private-x","auth":"demo-key:0"}}
< {"event":"pusher:error","data":{"code":4009,"message":"invalid signature: expected key:signature, the HMAC SHA256 hex digest of socket_id, channel and channel_data"}}
