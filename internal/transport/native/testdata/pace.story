# websocket only
# Hints, and signs of life.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:42","pace":{"mode":"smooth"}}
< {"id":1,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42"}
> {"id":2,"type":"pace","channel":"chat:42","pace":{"mode":"fixed","rate":60}}
< {"id":2,"type":"reply"}
> {"id":3,"type":"pace","channel":"chat:42","pace":{"mode":"fixed"}}
< {"id":3,"type":"error","error":{"code":"bad_request","message":"pace: pace.rate is missing or not allowed","hint":"characters a second, above 0"}}
> {"id":4,"type":"pace","channel":"chat:43","pace":{"mode":"live"}}
< {"id":4,"type":"error","error":{"code":"bad_request","message":"not followed","hint":"follow it first"}}
> {"id":5,"type":"pace","channel":"chat:42"}
< {"id":5,"type":"error","error":{"code":"bad_request","message":"pace: pace is missing or not allowed","hint":"{\"mode\":\"live\"} is as fast as it comes"}}
> {"id":6,"type":"ack","n":1,"after":1}
< {"id":6,"type":"reply"}
> {"type":"ack","n":1,"after":1}
> {"id":7,"type":"ack"}
< {"id":7,"type":"error","error":{"code":"bad_request","message":"ack: n is missing or not allowed","hint":"give the number that a log frame announced"}}
> {"id":8,"type":"ping"}
< {"id":8,"type":"pong"}
> {"type":"ping"}
< {"type":"pong"}
