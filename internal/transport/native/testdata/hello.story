# websocket only
# The token comes in the first frame. Commands may follow at once; a second hello is refused.
! connect 1
> {"id":1,"type":"hello","token":"$ada","client":"story/1.0"}
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":2,"type":"history","channel":"chat:42"}
< {"id":2,"type":"reply","history":{"after":0,"turns":[]}}
> {"id":3,"type":"hello","token":"$ada"}
< {"id":3,"type":"error","error":{"code":"bad_request","message":"hello was said already","hint":"use renew for a fresh token"}}
# The wrong one.
! connect 2
2> {"type":"hello","token":"nonsense"}
2< {"type":"bye","error":{"code":"unauthorized","message":"bad token: it is not a JWT","hint":"a token has three parts of base64url with dots between them; was a part of it lost, or quotes added?"}}
2< closed 4401 unauthorized
! drop 2
# Something else first.
! connect 2
2> {"id":1,"type":"ping"}
2< {"type":"bye","error":{"code":"unauthorized","message":"the first frame must be hello with a token","hint":"send {\"type\":\"hello\",\"token\":\"…\"}, or an Authorization header with the handshake"}}
2< closed 4401 unauthorized
! drop 2
# A hello that lacks its token.
! connect 2
2> {"type":"hello"}
2< {"type":"bye","error":{"code":"bad_request","message":"hello: token is missing or not allowed","hint":"put the JWT itself into token, without Bearer"}}
2< closed 4400 bad_request
