# The connection breaks in the middle of an answer. What is written meanwhile comes when the client is back.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:42"}
< {"id":1,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42"}
> {"id":2,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"Why is the sky blue?"}}
< {"id":2,"type":"reply","turn":"@m-1"}
< [1,1,{"kind":"turn","data":{"turn":"@m-1","message":"m-1","user":"ada"}}]
< {"type":"log","n":2,"channel":"chat:42","turn":"@m-1"}
< [2,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-1","user":"ada","text":"Why is the sky blue?"}}]
! begin @m-1
! write @m-1 {"text":"Air"} {"text":" scatters"}
< [2,3,"Air scatters"]
! drop 1
! write @m-1 {"text":" short waves"}
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:42","after":1,"turns":{"@m-1":3}}
< {"id":1,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42","turn":"@m-1","seq":3}
< [1,4," short waves"]
< {"type":"log","n":2,"channel":"chat:42","seq":1}
! write @m-1 {"text":" most."} {"kind":"end","data":{"reason":"stop"}}
< [1,5," most."]
< [1,6,{"kind":"end","data":{"reason":"stop"}}]
< {"type":"closed","n":1,"seq":6}
< [2,2,{"kind":"turn_end","data":{"turn":"@m-1","state":"completed"}}]
# Back once more with all of it: nothing comes, but for the turn's end.
! drop 1
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:42","after":2,"turns":{"@m-1":5}}
< {"id":1,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42","turn":"@m-1","seq":5}
< [1,6,{"kind":"end","data":{"reason":"stop"}}]
< {"type":"closed","n":1,"seq":6}
< {"type":"log","n":2,"channel":"chat:42","seq":2}
