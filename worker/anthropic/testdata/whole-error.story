# An error with a status of success.
-- head --
content-type: application/json
-- body --
{"type":"error","error":{"type":"api_error","message":"Internal server error"}}
-- events --
! provider_unavailable, retry: the model server reported an error: Internal server error
