# Compression that nobody asked for.
-- head --
content-type: text/plain
content-encoding: br
chomp
-- body --
xxxx
-- events --
! provider_broken: the chat endpoint compressed its answer, which was not asked for
