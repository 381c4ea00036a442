# A success that is none.
-- head --
content-type: application/json
-- body --
{"error":"You are not signed in"}
-- events --
! provider_unavailable, retry: the chat endpoint reported an error: You are not signed in
