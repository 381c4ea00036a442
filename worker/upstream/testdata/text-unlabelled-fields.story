# Lines that begin as those of a stream of events do.
-- head --
chomp
-- body --
event: party
id: 7
-- events --
text "event: party\nid: 7"
= stop
