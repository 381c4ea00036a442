# websocket only
# A signal reaches all who follow now, but for its sender; nobody later. (A posted signal has no connection to leave out.)
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:42"}
< {"id":1,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42"}
! connect 2 bob
2< {"type":"welcome","session":"s-1","user":"bob","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
2> {"id":1,"type":"follow","channel":"chat:42"}
2< {"id":1,"type":"reply"}
2< {"type":"log","n":1,"channel":"chat:42"}
> {"id":2,"type":"signal","channel":"chat:42","name":"typing","data":{"on":true}}
< {"id":2,"type":"reply"}
2< {"type":"signal","channel":"chat:42","from":"ada","name":"typing","data":{"on":true}}
2> {"type":"signal","channel":"chat:42","name":"typing"}
< {"type":"signal","channel":"chat:42","from":"bob","name":"typing"}
2> {"id":2,"type":"unfollow","channel":"chat:42"}
2< {"id":2,"type":"reply"}
> {"id":3,"type":"signal","channel":"chat:42","name":"typing","data":{"on":false}}
< {"id":3,"type":"reply"}
