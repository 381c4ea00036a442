# A custom event stands on the timeline for all who follow, now or later.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
! connect 2 bob
2< {"type":"welcome","session":"s-1","user":"bob","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
2> {"id":1,"type":"follow","channel":"chat:42"}
2< {"id":1,"type":"reply"}
2< {"type":"log","n":1,"channel":"chat:42"}
> {"id":1,"type":"publish","channel":"chat:42","name":"pinned","data":{"message":"m-7","n":1.5}}
< {"id":1,"type":"reply","seq":1}
2< [1,1,{"kind":"custom","name":"pinned","attrs":{"from":"ada"},"data":{"message":"m-7","n":1.5}}]
> {"id":2,"type":"publish","channel":"chat:42","name":"bare"}
< {"id":2,"type":"reply","seq":2}
2< [1,2,{"kind":"custom","name":"bare","attrs":{"from":"ada"}}]
! drop 2
! connect 2 bob
2< {"type":"welcome","session":"s-1","user":"bob","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
2> {"id":1,"type":"follow","channel":"chat:42","after":1}
2< {"id":1,"type":"reply"}
2< {"type":"log","n":1,"channel":"chat:42","seq":1}
2< [1,2,{"kind":"custom","name":"bare","attrs":{"from":"ada"}}]
