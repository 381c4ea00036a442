# websocket only
# A fresh token of the same user, and what is not taken. The connection goes on.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"renew","token":"$ada"}
< {"id":1,"type":"reply"}
> {"id":2,"type":"renew","token":"$bob"}
< {"id":2,"type":"error","error":{"code":"forbidden","message":"token of another subject","hint":"a connection keeps its user; open another for this one"}}
> {"id":3,"type":"renew","token":"nonsense"}
< {"id":3,"type":"error","error":{"code":"unauthorized","message":"bad token: it is not a JWT","hint":"a token has three parts of base64url with dots between them; was a part of it lost, or quotes added?"}}
> {"id":4,"type":"renew"}
< {"id":4,"type":"error","error":{"code":"bad_request","message":"renew: token is missing or not allowed","hint":"put the JWT itself into token, without Bearer"}}
> {"id":5,"type":"history","channel":"chat:42"}
< {"id":5,"type":"reply","history":{"after":0,"turns":[]}}
