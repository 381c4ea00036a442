# Public and cache channels, what is refused, both kinds of ping.
! connect 1
< {"event":"pusher:connection_established","data":"{\"socket_id\":\"@1\",\"activity_timeout\":30}"}
> {"event":"pusher:ping","data":{}}
< {"event":"pusher:pong","data":"{}"}
> {"event":"pusher:subscribe","data":{"channel":"news"}}
< {"event":"pusher_internal:subscription_succeeded","channel":"news","data":"{}"}
! trigger {"name":"App\\Events\\Shipped","channels":["news"],"data":"{\"id\":1,\"text\":\"<ü>\"}"}
< {"event":"App\\Events\\Shipped","channel":"news","data":"{\"id\":1,\"text\":\"<ü>\"}"}
> {"event":"client-x","channel":"news","data":{}}
< {"event":"pusher:error","data":{"code":4009,"message":"Client event rejected - only supported on private and presence channels"}}
> {"event":"pusher:subscribe","data":{"channel":"news"}}
< {"event":"pusher:error","data":{"code":null,"message":"Existing subscription to channel news"}}
> {"event":"pusher:subscribe","data":{"channel":"private-x","auth":"demo-key:0"}}
< {"event":"pusher:subscription_error","channel":"private-x","data":"{\"type\":\"AuthError\",\"error\":\"invalid signature: expected key:signature, the HMAC SHA256 hex digest of socket_id, channel and channel_data\",\"status\":401}"}
< {"event":"pusher:error","data":{"code":4009,"message":"invalid signature: expected key:signature, the HMAC SHA256 hex digest of socket_id, channel and channel_data"}}
> {"event":"pusher:subscribe","data":{"channel":"no:name"}}
< {"event":"pusher:subscription_error","channel":"no:name","data":"{\"type\":\"SubscriptionError\",\"error\":\"Invalid channel name \\\"no:name\\\": a name has 1 to 164 letters, digits and _-=@,.;\",\"status\":400}"}
< {"event":"pusher:error","data":{"code":4009,"message":"Invalid channel name \"no:name\": a name has 1 to 164 letters, digits and _-=@,.;"}}
> {"event":"pusher:subscribe","data":{"channel":"cache-x"}}
< {"event":"pusher_internal:subscription_succeeded","channel":"cache-x","data":"{}"}
< {"event":"pusher:cache_miss","channel":"cache-x","data":""}
! trigger {"name":"e","channel":"cache-x","data":"plain"}
< {"event":"e","channel":"cache-x","data":"plain"}
! connect 2
2< {"event":"pusher:connection_established","data":"{\"socket_id\":\"@2\",\"activity_timeout\":30}"}
2> {"event":"pusher:subscribe","data":{"channel":"cache-x"}}
2< {"event":"pusher_internal:subscription_succeeded","channel":"cache-x","data":"{}"}
2< {"event":"e","channel":"cache-x","data":"plain"}
> nonsense
< {"event":"pusher:error","data":{"code":4200,"message":"Invalid message format"}}
> {"event":"pusher:nonsense"}
< {"event":"pusher:error","data":{"code":null,"message":"Unsupported event pusher:nonsense: client events begin with client-"}}
! connect 3 /app/demo-key?protocol=9
3< {"event":"pusher:error","data":{"code":4007,"message":"Unsupported protocol version: 9"}}
3< {"close":4007,"reason":"Unsupported protocol version: 9"}
