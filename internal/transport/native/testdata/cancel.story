# Stopped by the turn while it runs; the worker that has it ends it.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:42"}
< {"id":1,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42"}
> {"id":2,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"Count to a million"}}
< {"id":2,"type":"reply","turn":"@m-1"}
< [1,1,{"kind":"turn","data":{"turn":"@m-1","message":"m-1","user":"ada"}}]
< {"type":"log","n":2,"channel":"chat:42","turn":"@m-1"}
< [2,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-1","user":"ada","text":"Count to a million"}}]
! begin @m-1
! write @m-1 {"text":"1 2 3"}
< [2,2,"1 2 3"]
> {"id":3,"type":"cancel","channel":"chat:42","turn":"@m-1"}
< {"id":3,"type":"reply","turn":"@m-1"}
# Another waits behind it, and is stopped by its message: nobody has it, so its log ends at once.
> {"id":4,"type":"prompt","channel":"chat:42","prompt":{"message":"m-2","text":"And then?"}}
< {"id":4,"type":"reply","turn":"@m-2"}
< [1,2,{"kind":"turn","data":{"turn":"@m-2","message":"m-2","user":"ada","parent":"@m-1"}}]
< {"type":"log","n":3,"channel":"chat:42","turn":"@m-2"}
< [3,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-2","user":"ada","text":"And then?","parent":"@m-1"}}]
> {"id":5,"type":"cancel","channel":"chat:42","message":"m-2"}
< {"id":5,"type":"reply","turn":"@m-2"}
< [1,3,{"kind":"turn_end","data":{"turn":"@m-2","state":"cancelled"}}]
< [3,2,{"kind":"cancelled","data":{"by":"ada"}}]
< {"type":"closed","n":3,"seq":2}
! write @m-1 {"kind":"cancelled","data":{"by":"ada"}}
< [1,4,{"kind":"turn_end","data":{"turn":"@m-1","state":"cancelled"}}]
< [2,3,{"kind":"cancelled","data":{"by":"ada"}}]
< {"type":"closed","n":2,"seq":3}
# Cancelled before it was asked.
> {"id":6,"type":"cancel","channel":"chat:42","message":"m-3"}
< {"id":6,"type":"reply","turn":"@m-3"}
> {"id":7,"type":"prompt","channel":"chat:42","prompt":{"message":"m-3","text":"Too late"}}
< {"id":7,"type":"reply","turn":"@m-3"}
< [1,5,{"kind":"turn","data":{"turn":"@m-3","message":"m-3","user":"ada","parent":"@m-2"}}]
< [1,6,{"kind":"turn_end","data":{"turn":"@m-3","state":"cancelled"}}]
< {"type":"log","n":2,"channel":"chat:42","turn":"@m-3"}
< [2,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-3","user":"ada","text":"Too late","parent":"@m-2"}}]
< [2,2,{"kind":"cancelled","data":{"by":"ada"}}]
< {"type":"closed","n":2,"seq":2}
# Twice, and too late: no error, nothing changes.
> {"id":8,"type":"cancel","channel":"chat:42","turn":"@m-1"}
< {"id":8,"type":"reply","turn":"@m-1"}
