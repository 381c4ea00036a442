# A prompt and its answer, as one reader sees them.
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
! write @m-1 {"text":"Air"}
< [2,2,"Air"]
! write @m-1 {"text":" scatters"} {"text":" short waves – “blue” 🟦."}
< [2,4," scatters short waves – “blue” 🟦."]
! write @m-1 {"kind":"usage","data":{"input_tokens":14,"output_tokens":9}} {"kind":"end","data":{"reason":"stop"}}
< [1,2,{"kind":"turn_end","data":{"turn":"@m-1","state":"completed"}}]
< [2,5,{"kind":"usage","data":{"input_tokens":14,"output_tokens":9}}]
< [2,6,{"kind":"end","data":{"reason":"stop"}}]
< {"type":"closed","n":2,"seq":6}
# The same message again is the same turn.
> {"id":3,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"Why is the sky blue?"}}
< {"id":3,"type":"reply","turn":"@m-1"}
