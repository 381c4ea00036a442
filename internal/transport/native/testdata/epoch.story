# A worker died after "blue whal". The next one keeps "blue" and goes on from there.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:42"}
< {"id":1,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42"}
> {"id":2,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"Colour?"}}
< {"id":2,"type":"reply","turn":"@m-1"}
< [1,1,{"kind":"turn","data":{"turn":"@m-1","message":"m-1","user":"ada"}}]
< {"type":"log","n":2,"channel":"chat:42","turn":"@m-1"}
< [2,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-1","user":"ada","text":"Colour?"}}]
! begin @m-1
! write @m-1 {"text":"blue"} {"text":" whal"}
< [2,3,"blue whal"]
! epoch @m-1
! write @m-1 {"kind":"epoch","data":{"epoch":2,"keep":2,"parts":[{"kind":"text","bytes":4}],"reason":"worker_lost"}} {"text":"!"}
< [2,4,{"kind":"epoch","data":{"epoch":2,"keep":2,"parts":[{"kind":"text","bytes":4}],"reason":"worker_lost"}}]
< [2,5,"!"]
! write @m-1 {"kind":"error","data":{"code":"provider_timeout","message":"the model fell silent","retryable":true}}
< [1,2,{"kind":"turn_end","data":{"turn":"@m-1","state":"failed"}}]
< [2,6,{"kind":"error","data":{"code":"provider_timeout","message":"the model fell silent","retryable":true}}]
< {"type":"closed","n":2,"seq":6}
