# A web page with a status of success.
-- head --
content-type: text/html
-- body --
<!DOCTYPE html><html><title>Hi</title></html>
-- events --
! provider_broken: the model server answered with a web page: check its address, and whether something before it wants a sign-in
