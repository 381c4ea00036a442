# 204 says that there is nothing.
-- head --
status: 204
chomp
-- body --

-- events --
! provider_broken, retry: the chat endpoint answered with nothing
