# websocket only
# Who is here: everybody first, then what changes. An agent is here while a turn is.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"join","channel":"chat:42","data":{"name":"Ada"}}
< {"id":1,"type":"reply"}
< {"type":"presence","channel":"chat:42","presence":{"full":true,"here":[{"id":"ada","kind":"person","info":{"name":"Ada"}}]}}
! connect 2 bob
2< {"type":"welcome","session":"s-1","user":"bob","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
2> {"id":1,"type":"presence","channel":"chat:42"}
2< {"id":1,"type":"reply"}
2< {"type":"presence","channel":"chat:42","presence":{"full":true,"here":[{"id":"ada","kind":"person","info":{"name":"Ada"}}]}}
> {"id":2,"type":"join","channel":"chat:42","data":{"name":"Ada"},"state":"away"}
< {"id":2,"type":"reply"}
< {"type":"presence","channel":"chat:42","presence":{"full":true,"here":[{"id":"ada","kind":"person","state":"away","info":{"name":"Ada"}}]}}
2< {"type":"presence","channel":"chat:42","presence":{"changed":[{"id":"ada","kind":"person","state":"away","info":{"name":"Ada"}}]}}
2> {"id":2,"type":"join","channel":"chat:42"}
< {"type":"presence","channel":"chat:42","presence":{"joined":[{"id":"bob","kind":"person"}]}}
2< {"id":2,"type":"reply"}
2< {"type":"presence","channel":"chat:42","presence":{"full":true,"here":[{"id":"ada","kind":"person","state":"away","info":{"name":"Ada"}},{"id":"bob","kind":"person"}]}}
> {"id":3,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"hi"}}
< {"id":3,"type":"reply","turn":"@m-1"}
< {"type":"presence","channel":"chat:42","presence":{"joined":[{"id":"agent","kind":"agent","state":"waiting"}]}}
2< {"type":"presence","channel":"chat:42","presence":{"joined":[{"id":"agent","kind":"agent","state":"waiting"}]}}
! begin @m-1
! write @m-1 {"kind":"reasoning","text":"hm"}
< {"type":"presence","channel":"chat:42","presence":{"changed":[{"id":"agent","kind":"agent","state":"thinking"}]}}
2< {"type":"presence","channel":"chat:42","presence":{"changed":[{"id":"agent","kind":"agent","state":"thinking"}]}}
! write @m-1 {"text":"Hello"}
< {"type":"presence","channel":"chat:42","presence":{"changed":[{"id":"agent","kind":"agent","state":"streaming"}]}}
2< {"type":"presence","channel":"chat:42","presence":{"changed":[{"id":"agent","kind":"agent","state":"streaming"}]}}
! write @m-1 {"kind":"end","data":{"reason":"stop"}}
< {"type":"presence","channel":"chat:42","presence":{"left":[{"id":"agent","kind":"agent","state":"streaming"}]}}
2< {"type":"presence","channel":"chat:42","presence":{"left":[{"id":"agent","kind":"agent","state":"streaming"}]}}
2> {"id":3,"type":"leave","channel":"chat:42"}
< {"type":"presence","channel":"chat:42","presence":{"left":[{"id":"bob","kind":"person"}]}}
2< {"id":3,"type":"reply"}
# What cannot be taken is refused, and so is a channel without a name.
2> {"id":4,"type":"join","channel":"chat:42","state":"a state that has more than sixty-four bytes, which is what one may have"}
2< {"id":4,"type":"error","error":{"code":"bad_request","message":"bad name: bad member: its state has at most 64 bytes of UTF-8, this one has 71"}}
2> {"id":5,"type":"presence","channel":""}
2< {"id":5,"type":"error","error":{"code":"bad_request","message":"presence: bad id: a channel name has 1 to 200 bytes, this one has 0","hint":"channel names the conversation: chat:42"}}
