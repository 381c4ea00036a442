# A success without an answer and without a label.
-- head --
chomp
-- body --

-- events --
! provider_broken, retry: the chat endpoint answered with nothing
