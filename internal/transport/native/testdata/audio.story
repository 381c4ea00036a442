# Sound beside text, a file by reference, and bytes.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:42"}
< {"id":1,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42"}
> {"id":2,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"Say it","content":[{"type":"image","url":"https://x.example/a.png","media_type":"image/png"}]}}
< {"id":2,"type":"reply","turn":"@m-1"}
< [1,1,{"kind":"turn","data":{"turn":"@m-1","message":"m-1","user":"ada"}}]
< {"type":"log","n":2,"channel":"chat:42","turn":"@m-1"}
< [2,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-1","user":"ada","text":"Say it","content":[{"type":"image","url":"https://x.example/a.png","media_type":"image/png"}]}}]
! begin @m-1
! write @m-1 {"kind":"audio","part":"a1","media":"audio/pcm","bytes":"AAH+/w=="} {"kind":"audio","part":"a1","media":"audio/pcm","bytes":"AgM="}
< [2,3,{"kind":"audio","part":"a1","media":"audio/pcm","bytes":"AAH+/wID"}]
! write @m-1 {"kind":"file","data":{"url":"https://x.example/a.wav","media_type":"audio/wav"}} {"kind":"file","media":"image/gif","bytes":"R0lGOA=="}
< [2,4,{"kind":"file","data":{"url":"https://x.example/a.wav","media_type":"audio/wav"}}]
< [2,5,{"kind":"file","media":"image/gif","bytes":"R0lGOA=="}]
! write @m-1 {"kind":"data","name":"chart","data":[1,2.5,{"a":null}]} {"kind":"source","data":{"url":"https://x.example"}} {"kind":"tool_error","part":"c1","text":"no"} {"kind":"strange","text":"kept"}
< [2,6,{"kind":"data","name":"chart","data":[1,2.5,{"a":null}]}]
< [2,7,{"kind":"source","data":{"url":"https://x.example"}}]
< [2,8,{"kind":"tool_error","part":"c1","text":"no"}]
< [2,9,{"kind":"strange","text":"kept"}]
! write @m-1 {"kind":"end","data":{"reason":"stop"}}
< [1,2,{"kind":"turn_end","data":{"turn":"@m-1","state":"completed"}}]
< [2,10,{"kind":"end","data":{"reason":"stop"}}]
< {"type":"closed","n":2,"seq":10}
