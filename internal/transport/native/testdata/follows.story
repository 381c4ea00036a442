# websocket only
# Following, moving a cursor, leaving.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:99"}
< {"id":1,"type":"error","error":{"code":"forbidden","message":"not allowed by the token: read on channel \"chat:99\"","hint":"ask for a token whose claim channels has \"chat:99\": [\"read\"]"}}
> {"id":2,"type":"follow","channel":"chat:42","from":"yesterday"}
< {"id":2,"type":"error","error":{"code":"bad_request","message":"follow: from is missing or not allowed","hint":"leave it out to follow after a place, or say now or snapshot"}}
> {"id":3,"type":"follow","channel":"chat:42","turn":"@m-1"}
< {"id":3,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42","turn":"@m-1"}
> {"id":4,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"Hi"}}
< {"id":4,"type":"reply","turn":"@m-1"}
< [1,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-1","user":"ada","text":"Hi"}}]
! begin @m-1
! write @m-1 {"text":"a"} {"text":"b"}
< [1,3,"ab"]
# From the beginning again: its number is free and given anew.
> {"id":5,"type":"follow","channel":"chat:42","turn":"@m-1","after":2}
< {"id":5,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42","turn":"@m-1","seq":2}
< [1,3,"b"]
> {"id":6,"type":"unfollow","channel":"chat:42","turn":"@m-1"}
< {"id":6,"type":"reply"}
! write @m-1 {"text":"c"}
# Beyond what there is.
> {"id":7,"type":"follow","channel":"chat:42","turn":"@m-1","after":100}
< {"id":7,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42","turn":"@m-1","seq":100}
< {"type":"reset","n":1,"seq":100,"error":{"code":"trimmed","message":"cursor beyond log","hint":"follow from a snapshot"}}
> {"id":8,"type":"unfollow","channel":"chat:43"}
< {"id":8,"type":"reply"}
