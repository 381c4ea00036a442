# Plain text whose connection breaks.
-- head --
content-type: text/plain
cut
chomp
-- body --
It is
-- events --
text "It is"
! provider_broken, retry: the chat endpoint stopped in the middle of the answer
