# A body that is not the JSON it says it is.
-- head --
content-type: application/json
-- body --
{"text":"It is
-- events --
! provider_broken: the chat endpoint sent something that is not its format
