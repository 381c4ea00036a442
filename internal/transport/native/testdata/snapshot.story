# A page opens in the middle of the second answer: one page of history, then what follows it.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"One?"}}
< {"id":1,"type":"reply","turn":"@m-1"}
! begin @m-1
! write @m-1 {"text":"1"} {"kind":"end","data":{"reason":"stop"}}
> {"id":2,"type":"prompt","channel":"chat:42","prompt":{"message":"m-2","text":"Two?"}}
< {"id":2,"type":"reply","turn":"@m-2"}
! begin @m-2
! write @m-2 {"kind":"reasoning","text":"hm"} {"text":"tw"}
! connect 2 ada
2< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
2> {"id":1,"type":"follow","channel":"chat:42","from":"snapshot"}
2< {"id":1,"type":"reply","history":{"after":3,"leaf":"@m-2","turns":[{"turn":"@m-1","at":3,"timeline":1,"state":"completed","prompt":{"message":"m-1","user":"ada","text":"One?"},"parts":[{"kind":"text","text":"1"}],"outcome":{"reason":"stop"}},{"turn":"@m-2","at":3,"timeline":3,"state":"streaming","prompt":{"message":"m-2","user":"ada","text":"Two?","parent":"@m-1"},"parts":[{"kind":"reasoning","text":"hm"},{"kind":"text","text":"tw"}]}]}}
2< {"type":"log","n":1,"channel":"chat:42","turn":"@m-2","seq":3}
2< {"type":"log","n":2,"channel":"chat:42","seq":3}
! write @m-2 {"text":"o"} {"kind":"end","data":{"reason":"stop"}}
2< [1,4,"o"]
2< [1,5,{"kind":"end","data":{"reason":"stop"}}]
2< {"type":"closed","n":1,"seq":5}
2< [2,4,{"kind":"turn_end","data":{"turn":"@m-2","state":"completed"}}]
