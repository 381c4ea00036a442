// The examples in plain PHP, with pusher-js at the other end.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createServer } from "node:net";
import { once } from "node:events";
import { test } from "node:test";
import { promisify } from "node:util";
import { client, karez, start, subscribed, until } from "./harness.mjs";

const examples = new URL("../../examples/laravel/", import.meta.url).pathname;
const run = promisify(execFile);

/** A port that was free a moment ago. */
async function freePort() {
  const s = createServer().listen(0, "127.0.0.1");
  await once(s, "listening");
  const { port } = s.address();
  s.close();
  await once(s, "close");
  return port;
}

test("PHP authorizes and publishes", async (t) => {
  const k = await karez(t);
  const env = { ...process.env, PUSHER_APP_ID: k.app.id, PUSHER_APP_KEY: k.app.key, PUSHER_APP_SECRET: k.app.secret };
  const php = await start(t, "env", [
    `PUSHER_APP_KEY=${k.app.key}`, `PUSHER_APP_SECRET=${k.app.secret}`, "php", "-S", `127.0.0.1:${await freePort()}`, `${examples}authorize.php`,
  ], /Development Server \((http:\S+)\) started/);
  const ada = await client(t, k, php.url, "ada");
  const own = await subscribed(ada, "private-user.ada");
  const room = await subscribed(ada, "presence-room");
  assert.deepEqual(room.members.me, { id: "ada", info: { name: "Ada" } });
  ada.signin();
  await ada.user.signinDonePromise;
  assert.equal(ada.user.user_data?.id, "ada");
  const foreign = ada.subscribe("private-user.bob");
  assert.equal((await new Promise((done) => foreign.bind("pusher:subscription_error", done))).status, 403);

  const hello = new Promise((done) => own.bind("OrderShipped", done));
  const { stdout } = await run("php", [`${examples}publish.php`, k.url, "private-user.ada", "OrderShipped", '{"id":1,"text":"ünï"}'], { env });
  assert.deepEqual(await hello, { id: 1, text: "ünï" });
  assert.match(stdout, /^\{\}\n\{"channels":\{.*"presence-room":/);
  await assert.rejects(run("php", [`${examples}publish.php`, k.url, "a", "b", "c"], { env: { ...env, PUSHER_APP_SECRET: "forged" } }), /401 Unauthorized: auth_signature/);
  await until(() => ada.errors.length === 0);
});
