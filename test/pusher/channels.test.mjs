// pusher-js and the pusher server package, each as it comes from npm.
import assert from "node:assert/strict";
import { test } from "node:test";
import { answers, backend, client, heard, karez, receiver, subscribed, until } from "./harness.mjs";

test("public, private, encrypted and cache channels hear the back end", async (t) => {
  const k = await karez(t);
  const auth = await backend(t, k);
  const p = await client(t, k, auth, "ada");
  for (const name of ["news", "private-x", "private-encrypted-x"]) {
    const ch = await subscribed(p, name);
    const got = new Promise((done) => ch.bind("hello", done));
    await k.server.trigger(name, "hello", { to: name, text: "ünï 😀 <b>" });
    assert.deepEqual(await got, { to: name, text: "ünï 😀 <b>" });
  }
  await k.server.trigger("cache-x", "last", { n: 1 });
  const cached = p.subscribe("cache-x");
  const last = await new Promise((done) => cached.bind("last", done));
  assert.deepEqual(last, { n: 1 });
  const empty = p.subscribe("cache-empty");
  await new Promise((done) => empty.bind("pusher:cache_miss", done));

  // The sender of an event does not get it back.
  await k.server.trigger(["news", "private-x"], "others", {}, { socket_id: p.connection.socket_id });
  await k.server.triggerBatch([{ channel: "news", name: "batch", data: { a: 1 } }, { channel: "private-x", name: "batch", data: { a: 2 } }]);
  await heard(p, "batch", 2);
  assert.equal(p.heard.some((h) => h.event === "others"), false);
  assert.deepEqual(p.errors, []);
});

test("who may not subscribe is told so, and the rest goes on", async (t) => {
  const k = await karez(t);
  const auth = await backend(t, k);
  const p = await client(t, k, auth, "ada", { pusher: { channelAuthorization: { customHandler: (_, cb) => cb(null, { auth: "app-key:forged" }) } } });
  const ch = p.subscribe("private-x");
  const error = await new Promise((done) => ch.bind("pusher:subscription_error", done));
  assert.equal(error.status, 401);
  await until(() => p.errors.some((e) => e.data.code === 4009));
  await subscribed(p, "news");
  const q = await client(t, k, auth, "ada");
  const no = q.subscribe("private-forbidden");
  assert.equal((await new Promise((done) => no.bind("pusher:subscription_error", done))).status, 403);
});

test("presence, client events and the REST API's counts", async (t) => {
  const k = await karez(t, { app: { subscription_count: true } });
  const auth = await backend(t, k);
  const [ada, bob] = [await client(t, k, auth, "ada"), await client(t, k, auth, "bob")];
  const room = await subscribed(ada, "presence-room");
  assert.equal(room.members.count, 1);
  const added = new Promise((done) => room.bind("pusher:member_added", done));
  const other = await subscribed(bob, "presence-room");
  assert.deepEqual(await added, { id: "bob", info: { name: "BOB" } });
  assert.deepEqual(other.members.get("ada"), { id: "ada", info: { name: "ADA" } });
  assert.equal(other.members.me.id, "bob");

  const typing = new Promise((done) => room.bind("client-typing", (data, meta) => done([data, meta])));
  other.trigger("client-typing", { on: true });
  assert.deepEqual(await typing, [{ on: true }, { user_id: "bob" }]);

  const get = async (path, params = {}) => (await k.server.get({ path, params })).json();
  await until(async () => (await get("/channels/presence-room", { info: "user_count,subscription_count" })).subscription_count === 2);
  assert.deepEqual(await get("/channels", { filter_by_prefix: "presence-", info: "user_count" }), { channels: { "presence-room": { user_count: 2 } } });
  assert.deepEqual(await get("/channels/presence-room/users"), { users: [{ id: "ada" }, { id: "bob" }] });

  const removed = new Promise((done) => room.bind("pusher:member_removed", done));
  bob.unsubscribe("presence-room");
  assert.equal((await removed).id, "bob");

  const news = await subscribed(ada, "news");
  await subscribed(bob, "news");
  await until(() => news.subscriptionCount === 2);
});

test("signin, watchlist, events to a user, terminate", async (t) => {
  const k = await karez(t);
  const auth = await backend(t, k);
  const ada = await client(t, k, auth, "ada");
  const online = new Promise((done) => ada.user.watchlist.bind("online", done));
  ada.signin();
  await ada.user.signinDonePromise;
  const bob = await client(t, k, auth, "bob");
  bob.signin();
  assert.deepEqual((await online).user_ids, ["bob"]);
  await bob.user.signinDonePromise;
  const hello = new Promise((done) => bob.user.bind("hello", done));
  await until(async () => {
    await k.server.sendToUser("bob", "hello", { a: 1 }); // the channel is subscribed a moment after signin
    return Promise.race([hello, new Promise((done) => setTimeout(done, 100))]);
  });
  assert.deepEqual(await hello, { a: 1 });
  await k.server.terminateUserConnections("bob");
  await until(() => bob.connection.state === "failed" || bob.connection.state === "disconnected");
  assert.ok(bob.errors.some((e) => (e.error ?? e).data?.code === 4009), JSON.stringify(bob.errors));
  assert.equal(ada.connection.state, "connected");
});

test("a turn is shown, also to those who come late, and can be stopped", async (t) => {
  const text = "Wörter 😀 fließen. ";
  const k = await karez(t, { steps: [{ text, repeat: 60, every: "25ms" }, { text: "x".repeat(30_000) }] });
  const auth = await backend(t, k);
  const ada = await client(t, k, auth, "ada");
  const ch = await subscribed(ada, "private-chat");
  ch.trigger("client-prompt", { message: "m-1", text: "Go" });
  const accepted = await heard(ada, "turn.accepted");
  assert.equal(accepted.data.data.text, "Go");
  await heard(ada, "turn.delta", 10);
  const late = await client(t, k, auth, "bob");
  await subscribed(late, "private-chat");
  for (const p of [ada, late]) {
    await heard(p, "turn.done");
    assert.deepEqual(answers(p), { [accepted.data.turn]: text.repeat(60) + "x".repeat(30_000) });
  }
  ch.trigger("client-prompt", { message: "m-2", text: "Again" });
  await heard(ada, "turn.started", 2);
  ch.trigger("client-cancel", { message: "m-2" });
  await heard(ada, "turn.cancelled");
});

test("webhooks are signed, and told again when they were not heard", async (t) => {
  const hook = await receiver(t);
  const k = await karez(t, { app: { webhooks: [{ url: hook.url }] } });
  hook.server = k.server;
  hook.status = 503;
  const auth = await backend(t, k);
  const ada = await client(t, k, auth, "ada");
  const room = await subscribed(ada, "presence-room");
  await subscribed(ada, "cache-x");
  room.trigger("client-hi", { a: 1 });
  await until(() => hook.refused > 0);
  hook.status = 200;
  const told = (name) => until(() => hook.events.find((e) => e.name === name), name);
  assert.equal((await told("channel_occupied")).channel, "presence-room");
  assert.equal((await told("member_added")).user_id, "ada");
  assert.equal((await told("cache_miss")).channel, "cache-x");
  const client1 = await told("client_event");
  assert.deepEqual(client1, { name: "client_event", channel: "presence-room", user_id: "ada", event: "client-hi", data: '{"a":1}', socket_id: ada.connection.socket_id });
  ada.unsubscribe("presence-room");
  assert.equal((await told("member_removed")).user_id, "ada");
  assert.equal((await told("channel_vacated")).channel, "presence-room");
  assert.equal(hook.invalid, 0);
});
