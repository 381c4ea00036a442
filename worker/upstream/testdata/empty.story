# A success without an answer.
-- head --
content-type: text/plain
chomp
-- body --

-- events --
! provider_broken, retry: the chat endpoint answered with nothing
