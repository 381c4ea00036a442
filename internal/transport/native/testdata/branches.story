# Asked again, and asked otherwise: the old answers stay as branches.
! connect 1 ada
< {"type":"welcome","session":"s-1","user":"ada","ping":15000,"limits":{"command":1048576,"signal":16384,"follows":256}}
> {"id":1,"type":"follow","channel":"chat:42"}
< {"id":1,"type":"reply"}
< {"type":"log","n":1,"channel":"chat:42"}
> {"id":2,"type":"prompt","channel":"chat:42","prompt":{"message":"m-1","text":"A poem"}}
< {"id":2,"type":"reply","turn":"@m-1"}
< [1,1,{"kind":"turn","data":{"turn":"@m-1","message":"m-1","user":"ada"}}]
< {"type":"log","n":2,"channel":"chat:42","turn":"@m-1"}
< [2,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-1","user":"ada","text":"A poem"}}]
! begin @m-1
! write @m-1 {"text":"Roses"} {"kind":"end","data":{"reason":"stop"}}
< [1,2,{"kind":"turn_end","data":{"turn":"@m-1","state":"completed"}}]
< [2,2,"Roses"]
< [2,3,{"kind":"end","data":{"reason":"stop"}}]
< {"type":"closed","n":2,"seq":3}
> {"id":3,"type":"regenerate","channel":"chat:42","turn":"@m-1","prompt":{"message":"m-2"}}
< {"id":3,"type":"reply","turn":"@m-2"}
< [1,3,{"kind":"turn","data":{"turn":"@m-2","message":"m-2","user":"ada","supersedes":"@m-1"}}]
< {"type":"log","n":2,"channel":"chat:42","turn":"@m-2"}
< [2,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-2","user":"ada","text":"A poem","supersedes":"@m-1"}}]
! begin @m-2
! write @m-2 {"text":"Violets"} {"kind":"end","data":{"reason":"stop"}}
< [1,4,{"kind":"turn_end","data":{"turn":"@m-2","state":"completed"}}]
< [2,2,"Violets"]
< [2,3,{"kind":"end","data":{"reason":"stop"}}]
< {"type":"closed","n":2,"seq":3}
> {"id":4,"type":"edit","channel":"chat:42","turn":"@m-2","prompt":{"message":"m-3","text":"A limerick"}}
< {"id":4,"type":"reply","turn":"@m-3"}
< [1,5,{"kind":"turn","data":{"turn":"@m-3","message":"m-3","user":"ada","supersedes":"@m-2"}}]
< {"type":"log","n":2,"channel":"chat:42","turn":"@m-3"}
< [2,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-3","user":"ada","text":"A limerick","supersedes":"@m-2"}}]
! begin @m-3
! write @m-3 {"text":"There was"} {"kind":"end","data":{"reason":"stop"}}
< [1,6,{"kind":"turn_end","data":{"turn":"@m-3","state":"completed"}}]
< [2,2,"There was"]
< [2,3,{"kind":"end","data":{"reason":"stop"}}]
< {"type":"closed","n":2,"seq":3}
> {"id":5,"type":"history","channel":"chat:42"}
< {"id":5,"type":"reply","history":{"after":6,"leaf":"@m-3","turns":[{"turn":"@m-3","at":3,"timeline":5,"state":"completed","branches":["@m-1","@m-2","@m-3"],"prompt":{"message":"m-3","user":"ada","text":"A limerick","supersedes":"@m-2"},"parts":[{"kind":"text","text":"There was"}],"outcome":{"reason":"stop"}}]}}
# The branch of the first answer.
> {"id":6,"type":"history","channel":"chat:42","turn":"@m-1"}
< {"id":6,"type":"reply","history":{"after":6,"leaf":"@m-1","turns":[{"turn":"@m-1","at":3,"timeline":1,"state":"completed","branches":["@m-1","@m-2","@m-3"],"prompt":{"message":"m-1","user":"ada","text":"A poem"},"parts":[{"kind":"text","text":"Roses"}],"outcome":{"reason":"stop"}}]}}
# Of what does not exist nothing is asked again. A prompt cannot replace a turn: that is what edit is for.
> {"id":7,"type":"regenerate","channel":"chat:42","turn":"t0","prompt":{"message":"m-4"}}
< {"id":7,"type":"error","error":{"code":"not_found","message":"no such turn: t0"}}
> {"id":8,"type":"prompt","channel":"chat:42","prompt":{"message":"m-5","text":"Next","supersedes":"@m-1","user":"eve"}}
< {"id":8,"type":"reply","turn":"@m-5"}
< [1,7,{"kind":"turn","data":{"turn":"@m-5","message":"m-5","user":"ada","parent":"@m-3"}}]
< {"type":"log","n":2,"channel":"chat:42","turn":"@m-5"}
< [2,1,{"kind":"prompt","attrs":{"at":"0","v":"1"},"data":{"message":"m-5","user":"ada","text":"Next","parent":"@m-3"}}]
