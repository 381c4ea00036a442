# Plain text; line ends and blanks stay as they are.
-- head --
content-type: text/plain; charset=utf-8
chomp
-- body --
It is 青い 🌊.

  Very. كاريز

-- events --
text "It is 青い 🌊.\r\n\r\n  Very. كاريز\n"
= stop
