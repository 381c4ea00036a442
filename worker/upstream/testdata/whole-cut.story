# A whole answer that stops too early.
-- head --
content-type: application/json
chomp
-- body --
{"text":"It is
-- events --
! provider_broken, retry: the chat endpoint stopped in the middle of the answer
