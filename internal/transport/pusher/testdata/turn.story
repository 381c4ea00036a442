# A turn as its subscribers see it. The second one comes late and gets it from its beginning; another worker takes text back.
! connect 1
< {"event":"pusher:connection_established","data":"{\"socket_id\":\"@1\",\"activity_timeout\":30}"}
> {"event":"pusher:subscribe","data":{"channel":"private-chat","auth":"$"}}
< {"event":"pusher_internal:subscription_succeeded","channel":"private-chat","data":"{}"}
! prompt private-chat Colour?
< {"event":"turn.accepted","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":1,\"data\":{\"message\":\"Colour?\",\"user\":\"ada\",\"text\":\"Colour?\"}}"}
! begin
! write {"text":"blue \"whale\""}
< {"event":"turn.started","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":2}"}
< {"event":"turn.delta","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":2,\"text\":\"blue \\\"whale\\\"\"}"}
! connect 2
2< {"event":"pusher:connection_established","data":"{\"socket_id\":\"@2\",\"activity_timeout\":30}"}
2> {"event":"pusher:subscribe","data":{"channel":"private-chat","auth":"$"}}
2< {"event":"pusher_internal:subscription_succeeded","channel":"private-chat","data":"{}"}
2< {"event":"turn.accepted","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":1,\"data\":{\"message\":\"Colour?\",\"user\":\"ada\",\"text\":\"Colour?\"}}"}
2< {"event":"turn.started","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":2}"}
2< {"event":"turn.delta","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":2,\"text\":\"blue \\\"whale\\\"\"}"}
! begin
! write {"kind":"epoch","data":{"epoch":2,"keep":2,"parts":[{"kind":"text","bytes":4}],"reason":"worker_lost"}}
< {"event":"turn.reset","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":3,\"data\":{\"epoch\":2,\"keep\":2,\"parts\":[{\"kind\":\"text\",\"bytes\":4}],\"reason\":\"worker_lost\"}}"}
2< {"event":"turn.reset","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":3,\"data\":{\"epoch\":2,\"keep\":2,\"parts\":[{\"kind\":\"text\",\"bytes\":4}],\"reason\":\"worker_lost\"}}"}
! write {"text":", I think 😀"}
< {"event":"turn.delta","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":4,\"text\":\", I think 😀\"}"}
2< {"event":"turn.delta","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":4,\"text\":\", I think 😀\"}"}
! write {"kind":"usage","data":{"input_tokens":3,"output_tokens":9}}
< {"event":"turn.usage","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":5,\"data\":{\"input_tokens\":3,\"output_tokens\":9}}"}
2< {"event":"turn.usage","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":5,\"data\":{\"input_tokens\":3,\"output_tokens\":9}}"}
! write {"kind":"end","data":{"reason":"stop"}}
< {"event":"turn.done","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":6,\"data\":{\"reason\":\"stop\"}}"}
2< {"event":"turn.done","channel":"private-chat","data":"{\"turn\":\"@t\",\"seq\":6,\"data\":{\"reason\":\"stop\"}}"}
