// Laravel Echo's socket.io broadcaster, unmodified, against the chat.
import { after, before, test } from "node:test";
import assert from "node:assert/strict";
import Echo from "laravel-echo";
import { io } from "socket.io-client";
import { client, disconnect, once } from "./harness.mjs";
import { Fleet, front } from "./fleet.mjs";

let fleet;
before(async () => { fleet = await Fleet.start([{ text: "{i} ", repeat: 50, every: "10ms" }]); });
after(() => fleet.stop());

const echo = (user, host, channels) => new Echo({
  broadcaster: "socket.io", client: io, host, forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 100,
  auth: { headers: { Authorization: `Bearer ${fleet.token(user, channels)}` } },
});
const heard = (subscribe) => new Promise((done) => subscribe(done));

test("events, whispers, presence, and a break in between", async () => {
  const f = await front(fleet.nodes[0].url);
  const ada = echo("ada", f.url), bob = echo("bob", fleet.nodes[1].url);
  const news = [], room = ada.private("orders.1");
  const first = heard((done) => room.listen("OrderShipped", (e) => { news.push(e.id); done(); }));
  const here = heard((done) => ada.join("room").here(done));
  assert.deepEqual(await here, [{ id: "ada" }]);
  const joined = heard((done) => ada.join("room").joining(done));
  const both = heard((done) => bob.join("room").here(done));
  assert.deepEqual((await both).map((m) => m.id).sort(), ["ada", "bob"]);
  assert.deepEqual(await joined, { id: "bob" });

  const backend = client(fleet.nodes[1].url, { auth: { token: fleet.token("backend") } });
  const ship = (id) => backend.emitWithAck("publish", { channel: "private-orders.1", name: "App\\Events\\OrderShipped", data: { id } });
  await ship(1);
  await first;
  const back = once(ada.connector.socket, "connect");
  f.target = fleet.nodes[1].url;
  f.refuse = true;
  f.cut();
  await ship(2);
  f.refuse = false;
  await back;
  assert.equal(ada.connector.socket.recovered, true);
  const third = heard((done) => room.listen("OrderShipped", (e) => e.id === 3 && done()));
  await ship(3);
  await third;
  assert.deepEqual(news, [1, 2, 3]);

  const whisper = heard((done) => ada.private("orders.1").listenForWhisper("typing", done));
  bob.private("orders.1").whisper("typing", { name: "bob" });
  assert.deepEqual(await whisper, { name: "bob" });

  let text = "";
  const done = heard((done) => room.listen(".turn.delta", (e) => (text += e.text)).listen(".turn.done", done));
  await backend.emitWithAck("prompt", { channel: "private-orders.1", message: "m", text: "go" });
  await done;
  assert.equal(text, Array.from({ length: 50 }, (_, i) => `${i} `).join(""));

  const left = heard((done) => ada.join("room").leaving(done));
  bob.leave("room");
  assert.deepEqual(await left, { id: "bob" });
  [ada, bob].forEach((e) => e.disconnect());
  disconnect(backend);
  await f.close();
});

test("a channel that the token does not allow", async () => {
  const eve = echo("eve", fleet.nodes[0].url, "own=read");
  const refused = once(eve.connector.socket, "subscription_error");
  eve.private("orders.1");
  const [channel, status] = await refused;
  assert.deepEqual([channel, status], ["private-orders.1", 403]);
  eve.disconnect();
});
