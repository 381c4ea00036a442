-- Returns epoch, top, and 1 if the log has ended; nothing if there is none.
local s = look()
if not s then return {} end
return { s.epoch, s.top, s.ended and 1 or 0, s.length }
