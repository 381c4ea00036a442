# Who is there, once however many tabs; an event of a client names its sender.
! connect 1
< {"event":"pusher:connection_established","data":"{\"socket_id\":\"@1\",\"activity_timeout\":30}"}
> {"event":"pusher:subscribe","data":{"channel":"presence-room","auth":"$","channel_data":"{\"user_id\":\"ada\",\"user_info\":{\"name\":\"Ada\"}}"}}
< {"event":"pusher_internal:subscription_succeeded","channel":"presence-room","data":"{\"presence\":{\"ids\":[\"ada\"],\"hash\":{\"ada\":{\"name\":\"Ada\"}},\"count\":1}}"}
! connect 2
2< {"event":"pusher:connection_established","data":"{\"socket_id\":\"@2\",\"activity_timeout\":30}"}
2> {"event":"pusher:subscribe","data":{"channel":"presence-room","auth":"$","channel_data":"{\"user_id\":7}"}}
< {"event":"pusher_internal:member_added","channel":"presence-room","data":"{\"user_id\":\"7\",\"user_info\":null}"}
2< {"event":"pusher_internal:subscription_succeeded","channel":"presence-room","data":"{\"presence\":{\"ids\":[\"7\",\"ada\"],\"hash\":{\"7\":null,\"ada\":{\"name\":\"Ada\"}},\"count\":2}}"}
2> {"event":"client-typing","channel":"presence-room","data":{"on":true}}
< {"event":"client-typing","channel":"presence-room","data":"{\"on\":true}","user_id":"7"}
2> {"event":"pusher:unsubscribe","data":{"channel":"presence-room"}}
< {"event":"pusher_internal:member_removed","channel":"presence-room","data":"{\"user_id\":\"7\"}"}
2> {"event":"client-typing","channel":"presence-room","data":{}}
2< {"event":"pusher:error","data":{"code":4009,"message":"The client is not a member of the specified channel."}}
