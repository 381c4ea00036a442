// Laravel Echo with its reverb and pusher broadcasters.
import assert from "node:assert/strict";
import { test } from "node:test";
import Echo from "laravel-echo";
import Pusher from "pusher-js";
import { backend, karez, until } from "./harness.mjs";

for (const broadcaster of ["reverb", "pusher"]) {
  test(`Echo's ${broadcaster} broadcaster`, async (t) => {
    const k = await karez(t, { app: { reverb: broadcaster === "reverb" } });
    const auth = await backend(t, k);
    const echo = (user) => {
      const e = new Echo({
        broadcaster, key: k.app.key, Pusher, cluster: "none", wsHost: "127.0.0.1", wsPort: k.port, forceTLS: false, enabledTransports: ["ws"],
        authEndpoint: `${auth}/broadcasting/auth`, auth: { headers: { Authorization: `Bearer ${user}` } }, withoutInterceptors: true,
      });
      t.after(() => e.disconnect());
      return e;
    };
    const [ada, bob] = [echo("ada"), echo("bob")];

    // Laravel names an event by its class.
    const shipped = new Promise((done) => ada.private("orders.1").listen("OrderShipped", done).subscribed(() =>
      k.server.trigger("private-orders.1", "App\\Events\\OrderShipped", { id: 1 })));
    assert.deepEqual(await shipped, { id: 1 });
    const named = new Promise((done) => ada.channel("news").listen(".server.created", done).subscribed(() => k.server.trigger("news", "server.created", { id: 2 })));
    assert.deepEqual(await named, { id: 2 });

    // Presence and whispers.
    const seen = { here: null, joined: [], left: [], whispers: [] };
    const room = ada.join("room").here((all) => (seen.here = all)).joining((m) => seen.joined.push(m)).leaving((m) => seen.left.push(m));
    room.listenForWhisper("typing", (e) => seen.whispers.push(e));
    await until(() => seen.here);
    assert.deepEqual(seen.here, [{ name: "ADA" }]);
    await new Promise((done) => {
      const other = bob.join("room").here((all) => {
        assert.equal(all.length, 2);
        other.whisper("typing", { name: "bob" });
        done();
      });
    });
    await until(() => seen.whispers.length > 0 && seen.joined.length > 0);
    assert.deepEqual(seen.whispers, [{ name: "bob" }]);
    assert.deepEqual(seen.joined, [{ name: "BOB" }]);
    bob.leave("room");
    await until(() => seen.left.length > 0);
    assert.deepEqual(seen.left, [{ name: "BOB" }]);

    // A turn: by Echo's leave to take a name as it is.
    const turn = { text: "" };
    const done = new Promise((end) => {
      const ch = ada.private("chat").listen(".turn.started", () => (turn.text = "")).listen(".turn.delta", (e) => (turn.text += e.text)).listen(".turn.done", end);
      ch.subscribed(() => ch.whisper("prompt", { text: "Hi" }));
    });
    await done;
    assert.equal(turn.text, "Hello.");

    const refused = await new Promise((end) => ada.private("forbidden").error(end));
    assert.equal(refused.status, 403);
  });
}
