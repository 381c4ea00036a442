# Bob comes late and sees the same. He asks, and ada sees that.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:42"}
< {"id":1,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42"}
> {"id":2,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"Hi"}}
< {"id":2,"type":"reply","turn":"@m-1"}
< [1,1,{"kind":"turn","data":{"turn":"@m-1","message":"m-1","user":"ada"}}]
< {"type":"log","n":2,"channel":"chat:42","turn":"@m-1"}
< [2,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-1","user":"ada","text":"Hi"}}]
! begin @m-1
! write @m-1 {"text":"Hello"} {"text":","}
< [2,3,"Hello,"]
! connect 2 bob
2< {"type":"welcome","session":"s-1","user":"bob","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
2> {"id":1,"type":"follow","channel":"chat:42","from":"now"}
2< {"id":1,"type":"reply"}
2< {"type":"log","n":1,"channel":"chat:42","turn":"@m-1"}
2< [1,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-1","user":"ada","text":"Hi"}}]
2< [1,3,"Hello,"]
2< {"type":"log","n":2,"channel":"chat:42","seq":1}
! write @m-1 {"text":" both"} {"kind":"end","data":{"reason":"stop"}}
< [1,2,{"kind":"turn_end","data":{"turn":"@m-1","state":"completed"}}]
< [2,4," both"]
< [2,5,{"kind":"end","data":{"reason":"stop"}}]
< {"type":"closed","n":2,"seq":5}
2< [1,4," both"]
2< [1,5,{"kind":"end","data":{"reason":"stop"}}]
2< {"type":"closed","n":1,"seq":5}
2< [2,2,{"kind":"turn_end","data":{"turn":"@m-1","state":"completed"}}]
2> {"id":2,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"And I?"}}
< [1,3,{"kind":"turn","data":{"turn":"@bob.m-1","message":"m-1","user":"bob","parent":"@m-1"}}]
< {"type":"log","n":2,"channel":"chat:42","turn":"@bob.m-1"}
< [2,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-1","user":"bob","text":"And I?","parent":"@m-1"}}]
2< {"id":2,"type":"reply","turn":"@bob.m-1"}
2< {"type":"log","n":1,"channel":"chat:42","turn":"@bob.m-1"}
2< [1,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-1","user":"bob","text":"And I?","parent":"@m-1"}}]
2< [2,3,{"kind":"turn","data":{"turn":"@bob.m-1","message":"m-1","user":"bob","parent":"@m-1"}}]
! begin @bob.m-1
! write @bob.m-1 {"text":"You too."} {"kind":"end","data":{"reason":"stop"}}
< [1,4,{"kind":"turn_end","data":{"turn":"@bob.m-1","state":"completed"}}]
< [2,2,"You too."]
< [2,3,{"kind":"end","data":{"reason":"stop"}}]
< {"type":"closed","n":2,"seq":3}
2< [1,2,"You too."]
2< [1,3,{"kind":"end","data":{"reason":"stop"}}]
2< {"type":"closed","n":1,"seq":3}
2< [2,4,{"kind":"turn_end","data":{"turn":"@bob.m-1","state":"completed"}}]
