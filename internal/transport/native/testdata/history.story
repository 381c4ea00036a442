# Pages of history, newest first.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"One"}}
< {"id":1,"type":"reply","turn":"@m-1"}
! begin @m-1
! write @m-1 {"text":"1"} {"kind":"end","data":{"reason":"stop"}}
> {"id":2,"type":"prompt","channel":"chat:42","prompt":{"message":"m-2","text":"Two"}}
< {"id":2,"type":"reply","turn":"@m-2"}
! begin @m-2
! write @m-2 {"kind":"tool","part":"c1","name":"add","text":"{\"a\":1}"} {"kind":"tool_output","part":"c1","data":{"sum":2}} {"text":"2"} {"kind":"usage","data":{"input_tokens":3,"output_tokens":1}} {"kind":"end","data":{"reason":"stop"}}
> {"id":3,"type":"prompt","channel":"chat:42","prompt":{"message":"m-3","text":"Three"}}
< {"id":3,"type":"reply","turn":"@m-3"}
> {"id":4,"type":"history","channel":"chat:42","limit":1}
< {"id":4,"type":"reply","history":{"after":5,"more":5,"leaf":"@m-3","turns":[{"turn":"@m-3","at":1,"timeline":5,"state":"pending","prompt":{"message":"m-3","user":"ada","text":"Three","parent":"@m-2"}}]}}
> {"id":5,"type":"history","channel":"chat:42","limit":1,"before":5}
< {"id":5,"type":"reply","history":{"after":5,"more":3,"leaf":"@m-3","turns":[{"turn":"@m-2","at":6,"timeline":3,"state":"completed","prompt":{"message":"m-2","user":"ada","text":"Two","parent":"@m-1"},"parts":[{"kind":"tool","part":"c1","name":"add","text":"{\"a\":1}"},{"kind":"tool_output","part":"c1","json":{"sum":2}},{"kind":"text","text":"2"}],"usage":{"input_tokens":3,"output_tokens":1},"outcome":{"reason":"stop"}}]}}
> {"id":6,"type":"history","channel":"chat:42","limit":1,"before":3}
< {"id":6,"type":"reply","history":{"after":5,"leaf":"@m-3","turns":[{"turn":"@m-1","at":3,"timeline":1,"state":"completed","prompt":{"message":"m-1","user":"ada","text":"One"},"parts":[{"kind":"text","text":"1"}],"outcome":{"reason":"stop"}}]}}
> {"id":7,"type":"history","channel":"chat:43"}
< {"id":7,"type":"reply","history":{"after":0,"turns":[]}}
> {"id":8,"type":"history","channel":"chat:42","turn":"t-unknown"}
< {"id":8,"type":"error","error":{"code":"not_found","message":"no such turn: t-unknown"}}
> {"id":9,"type":"history","channel":"chat:42","limit":-1}
< {"id":9,"type":"error","error":{"code":"bad_request","message":"history: limit is missing or not allowed","hint":"0 asks for the server's own page size"}}
