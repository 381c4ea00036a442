# A user signs in, watches another, hears what is said to her, and is thrown out.
! connect 1
< {"event":"pusher:connection_established","data":"{\"socket_id\":\"@1\",\"activity_timeout\":30}"}
> {"event":"pusher:signin","data":{"auth":"$","user_data":"{\"id\":\"ada\",\"watchlist\":[\"bob\"]}"}}
< {"event":"pusher:signin_success","data":"{\"user_data\":\"{\\\"id\\\":\\\"ada\\\",\\\"watchlist\\\":[\\\"bob\\\"]}\"}"}
< {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"offline\",\"user_ids\":[\"bob\"]}]}"}
> {"event":"pusher:subscribe","data":{"channel":"#server-to-user-ada"}}
< {"event":"pusher_internal:subscription_succeeded","channel":"#server-to-user-ada","data":"{}"}
> {"event":"pusher:subscribe","data":{"channel":"#server-to-user-bob"}}
< {"event":"pusher:subscription_error","channel":"#server-to-user-bob","data":"{\"type\":\"AuthError\",\"error\":\"not allowed by the token: this channel belongs to a user who is not signed in here\",\"status\":403}"}
< {"event":"pusher:error","data":{"code":4009,"message":"not allowed by the token: this channel belongs to a user who is not signed in here"}}
! trigger {"name":"hello","channel":"#server-to-user-ada","data":"{\"a\":1}"}
< {"event":"hello","channel":"#server-to-user-ada","data":"{\"a\":1}"}
! connect 2
2< {"event":"pusher:connection_established","data":"{\"socket_id\":\"@2\",\"activity_timeout\":30}"}
2> {"event":"pusher:signin","data":{"auth":"$","user_data":"{\"id\":\"bob\"}"}}
< {"event":"pusher_internal:watchlist_events","data":"{\"events\":[{\"name\":\"online\",\"user_ids\":[\"bob\"]}]}"}
2< {"event":"pusher:signin_success","data":"{\"user_data\":\"{\\\"id\\\":\\\"bob\\\"}\"}"}
! kick ada
< {"close":4009,"reason":"closed by an operator"}
2> {"event":"pusher:signin","data":{"auth":"demo-key:0","user_data":"{\"id\":\"bob\"}"}}
2< {"event":"pusher:error","data":{"code":4009,"message":"Connection not authorized: the signature of user_data is invalid"}}
2< {"close":4009,"reason":"Connection not authorized: the signature of user_data is invalid"}
