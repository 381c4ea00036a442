# Events that are text as they stand; a blank line in one is a line break.
-- head --
content-type: text/event-stream
-- body --
data: It

data:  is

data:  
data: 
data: blue

data: {

data: }

event: done
data: bye

-- events --
text "It is \n\nblue{}"
= stop
