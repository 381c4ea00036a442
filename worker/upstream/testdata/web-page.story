# A page to sign in at, where an answer was wanted.
-- head --
content-type: text/html
-- body --
<!DOCTYPE html>
<html><head><title>Sign in</title></head></html>
-- events --
! provider_broken: the chat endpoint answered with a web page: check its address, and whether something before it wants a sign-in
