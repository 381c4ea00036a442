# The node goes down: a bye with a pause, then the close that says so.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:42"}
< {"id":1,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42"}
! drain
< {"type":"bye","in":100,"error":{"code":"draining","message":"node is draining","hint":"connect again","retry_in":100}}
< closed 1012 draining
