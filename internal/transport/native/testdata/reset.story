# Retention took what the client has not seen: it is told, and starts from a snapshot.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"publish","channel":"chat:42","name":"x"}
< {"id":1,"type":"reply","seq":1}
> {"id":2,"type":"publish","channel":"chat:42","name":"x"}
< {"id":2,"type":"reply","seq":2}
> {"id":3,"type":"publish","channel":"chat:42","name":"x"}
< {"id":3,"type":"reply","seq":3}
! trim 1
> {"id":1,"type":"follow","channel":"chat:42","after":1}
< {"id":1,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42","seq":1}
< {"type":"reset","n":1,"seq":1,"error":{"code":"trimmed","message":"log trimmed","hint":"follow from a snapshot"}}
! drop 1
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:42","from":"snapshot"}
< {"id":1,"type":"reply","history":{"after":3,"turns":[]}}
< {"type":"log","n":1,"channel":"chat:42","seq":3}
