# What is refused, and that the connection goes on.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"sing","channel":"chat:42"}
< {"id":1,"type":"error","error":{"code":"unknown_command","message":"unknown command \"sing\"","hint":"docs/protocol.md lists the commands"}}
> {"id":2,"channel":"chat:42"}
< {"id":2,"type":"error","error":{"code":"bad_request","message":"a command: type is missing or not allowed","hint":"every command names its type: follow, prompt, …"}}
> {"id":3,"type":"history","channel":"chat:99"}
< {"id":3,"type":"error","error":{"code":"forbidden","message":"not allowed by the token: read on channel \"chat:99\"","hint":"ask for a token whose claim channels has \"chat:99\": [\"read\"]"}}
> {"id":4,"type":"prompt","channel":"chat:99","prompt":{"message":"m-1","text":"x"}}
< {"id":4,"type":"error","error":{"code":"forbidden","message":"not allowed by the token: prompt on channel \"chat:99\"","hint":"ask for a token whose claim channels has \"chat:99\": [\"prompt\"]"}}
> {"id":5,"type":"cancel","channel":"chat:99","turn":"t1"}
< {"id":5,"type":"error","error":{"code":"forbidden","message":"not allowed by the token: cancel on channel \"chat:99\"","hint":"ask for a token whose claim channels has \"chat:99\": [\"cancel\"]"}}
> {"id":6,"type":"publish","channel":"chat:99","name":"x"}
< {"id":6,"type":"error","error":{"code":"forbidden","message":"not allowed by the token: publish on channel \"chat:99\"","hint":"ask for a token whose claim channels has \"chat:99\": [\"publish\"]"}}
> {"id":7,"type":"signal","channel":"chat:99","name":"x"}
< {"id":7,"type":"error","error":{"code":"forbidden","message":"not allowed by the token: publish on channel \"chat:99\"","hint":"ask for a token whose claim channels has \"chat:99\": [\"publish\"]"}}
> {"id":8,"type":"history","channel":""}
< {"id":8,"type":"error","error":{"code":"bad_request","message":"history: bad id: a channel name has 1 to 200 bytes, this one has 0","hint":"channel names the conversation: chat:42"}}
> {"id":9,"type":"history","channel":"a\u0007b"}
< {"id":9,"type":"error","error":{"code":"bad_request","message":"history: bad id: the channel name \"a\\ab\" contains U+0007","hint":"channel names the conversation: chat:42"}}
> {"id":10,"type":"history","channel":"a\tb"}
< {"id":10,"type":"error","error":{"code":"bad_request","message":"history: bad id: the channel name \"a\\tb\" contains U+0009","hint":"channel names the conversation: chat:42"}}
> {"id":11,"type":"cancel","channel":"chat:42"}
< {"id":11,"type":"error","error":{"code":"bad_request","message":"cancel: turn is missing or not allowed","hint":"name the turn, or the message it answers"}}
> {"id":12,"type":"cancel","channel":"chat:42","turn":"no such/name"}
< {"id":12,"type":"error","error":{"code":"bad_request","message":"cancel: bad id: the turn name \"no such/name\" contains ' '; letters, digits, '-', '_' and '.' are allowed","hint":"turn is an id that the server gave"}}
> {"id":13,"type":"prompt","channel":"chat:42"}
< {"id":13,"type":"error","error":{"code":"bad_request","message":"prompt: prompt.message is missing or not allowed","hint":"give each message an id of your own: sent twice, it is answered once"}}
> {"id":14,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1"}}
< {"id":14,"type":"error","error":{"code":"bad_request","message":"prompt: prompt.text is missing","hint":"ask something: prompt.text, or parts in prompt.content"}}
> {"id":15,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"x","parent":"t-unknown"}}
< {"id":15,"type":"error","error":{"code":"not_found","message":"no such turn: t-unknown"}}
> {"id":16,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"x","params":[1]}}
< {"id":16,"type":"error","error":{"code":"bad_request","message":"prompt: prompt.params is no object","hint":"an object of model parameters"}}
> {"id":17,"type":"publish","channel":"chat:42"}
< {"id":17,"type":"error","error":{"code":"bad_request","message":"publish: name is missing or not allowed","hint":"say what happened, in a word of your own"}}
> {"type":"publish","channel":"chat:42"}
< {"type":"error","error":{"code":"bad_request","message":"publish: name is missing or not allowed","hint":"say what happened, in a word of your own"}}
