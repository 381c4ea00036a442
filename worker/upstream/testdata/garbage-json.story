# No JSON at all under its label.
-- head --
content-type: application/json
-- body --
<oops>
-- events --
! provider_broken: the chat endpoint sent something that is not its format
