import assert from "node:assert/strict";
import { test } from "node:test";
import { decode } from "../src/wire.js";

test("events come as arrays", () => {
  assert.deepEqual(decode('[3,17,"lo "]'), { type: "event", n: 3, event: { seq: 17, kind: "text", text: "lo " } });
  assert.deepEqual(decode('[1,2,{"kind":"audio","media":"audio/pcm","bytes":"AQID"}]'), {
    type: "event", n: 1, event: { seq: 2, kind: "audio", media: "audio/pcm", bytes: Uint8Array.of(1, 2, 3) },
  });
});

test("a frame of a type that is not known yet changes nothing", () => {
  assert.deepEqual(decode('{"type":"hologram","n":1}'), { type: "unknown" });
});

test("what is no frame is refused", () => {
  for (const bad of ["", "{", "1", "null", "[]", "[1]", "[1,0,\"x\"]", '["1",2,"x"]', "[1,2,3]", "[1,2,{}]", '{"n":1}', '{"type":7}', '{"type":"log"}', '{"type":"error"}']) {
    assert.throws(() => decode(bad), SyntaxError, bad);
  }
});
